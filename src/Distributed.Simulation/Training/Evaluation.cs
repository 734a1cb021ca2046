using Distributed.Cluster.Jobs;
using Distributed.Kernel;

namespace Distributed.Simulation.Training;

/// <summary>What evaluating a state gives, as a pure function of the state.</summary>
internal static class Evaluation
{
    private const int SamplesPerBatch = 100;

    public static TestBatchResult OfBatch(ulong stateHash, int batch)
    {
        ulong draw = CounterRandom.UInt64(stateHash, (ulong)batch);
        return new TestBatchResult(
            batch, draw % 1_000_000, (int)((draw >> 32) % (SamplesPerBatch + 1)), SamplesPerBatch);
    }

    public static double TrainLoss(ulong stateHash, int epoch) =>
        CounterRandom.UInt64(stateHash, (ulong)epoch << 32) % 1_000_000;

    public static double TrainAccuracy(ulong stateHash, int epoch) =>
        CounterRandom.UInt64(stateHash, (ulong)epoch << 33) % 1_001 / 1_000.0;

    /// <summary>Loss and accuracy over the whole test set.</summary>
    public static (double Loss, double Accuracy) Total(ulong stateHash, int batchCount)
    {
        double loss = 0;
        long correct = 0;
        for (int batch = 0; batch < batchCount; batch++)
        {
            TestBatchResult result = OfBatch(stateHash, batch);
            loss += result.LossSum;
            correct += result.Correct;
        }

        double samples = (double)SamplesPerBatch * batchCount;
        return (loss / samples, correct / samples);
    }
}
