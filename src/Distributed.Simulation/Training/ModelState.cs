using Distributed.Kernel;

namespace Distributed.Simulation.Training;

/// <summary>
/// A model of a few integers: parameters, and a second half like an optimiser's that feeds every
/// later step. Sums of integers are exact, so equal steps give equal bits or there is a mistake.
/// </summary>
internal sealed class ModelState
{
    public const int ParameterCount = 4;

    /// <summary>What each shard contributes: a gradient, a loss and a count of hits.</summary>
    public const int SumCount = ParameterCount + 2;

    private ModelState(long step, long[] values)
    {
        Step = step;
        Values = values;
        Hash = HashOf(values.AsSpan(), (ulong)step);
    }

    public long Step { get; }

    /// <summary>Parameters, then momenta. Not to be written to.</summary>
    public long[] Values { get; }

    public ulong Hash { get; }

    /// <summary>
    /// It follows from memory that was corrupted. Known to the checks alone: nobody else is told.
    /// </summary>
    public bool IsVoid { get; private init; }

    public ulong ParameterHash => HashOf(Values.AsSpan(0, ParameterCount), 0);

    public static ModelState Initial(ulong seed)
    {
        var values = new long[2 * ParameterCount];
        for (int index = 0; index < ParameterCount; index++)
            values[index] = (long)CounterRandom.UInt64(seed, (ulong)index);
        return new ModelState(0, values);
    }

    public static ModelState Of(long step, long[] values, bool isVoid = false) =>
        new(step, values) { IsVoid = isVoid };

    /// <summary>Adds what a shard contributes to the step after this state.</summary>
    public void AddShard(ulong seed, int shard, in SampleRange samples, Span<long> sums)
    {
        ulong key = CounterRandom.Key(seed, (ulong)Step + 1, (ulong)shard, (ulong)samples.First);
        for (int index = 0; index < ParameterCount; index++)
        {
            sums[index] = unchecked(
                sums[index] + (long)CounterRandom.UInt64(key, (ulong)Values[index]));
        }

        ulong rest = CounterRandom.UInt64(key, Hash);
        sums[ParameterCount] += (long)(rest % 1_000_000) * samples.Count;
        sums[ParameterCount + 1] += (long)((rest >> 40) % ((ulong)samples.Count + 1));
    }

    /// <summary>The state after one more step with these sums over all shards.</summary>
    public ModelState After(ReadOnlySpan<long> sums, bool areVoid = false)
    {
        var values = new long[2 * ParameterCount];
        for (int index = 0; index < ParameterCount; index++)
        {
            long momentum = unchecked((3 * Values[ParameterCount + index]) + sums[index]);
            values[ParameterCount + index] = momentum;
            values[index] = unchecked(Values[index] + momentum);
        }

        return Of(Step + 1, values, IsVoid || areVoid);
    }

    private static ulong HashOf(ReadOnlySpan<long> values, ulong start)
    {
        ulong hash = start;
        foreach (long value in values)
            hash = CounterRandom.Mix(unchecked(hash + (ulong)value + 0x9E3779B97F4A7C15));
        return hash;
    }
}

/// <summary>Consecutive samples in an epoch's order.</summary>
internal readonly record struct SampleRange(long First, long End)
{
    public long Count => End - First;
}
