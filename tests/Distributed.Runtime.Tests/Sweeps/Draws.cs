using Distributed.Cluster.Sweeps.Search;
using Distributed.Kernel;
using Distributed.Training.Specification;

namespace Distributed.Runtime.Tests.Sweeps;

/// <summary>Draws configurations at random, as a sampler that knows nothing would.</summary>
internal sealed class Draws(SearchSpace space, ulong seed) : ISampler
{
    public bool Learns => false;

    public int? Count { get; init; }

    public Suggestion Suggest(int number, IReadOnlyList<Observation> observations)
    {
        ulong key = CounterRandom.Key(seed, (ulong)number);
        var values = new List<ParameterValue>();
        for (var index = 0; index < space.Dimensions.Count; index++)
        {
            Dimension dimension = space.Dimensions[index];
            bool isThere = dimension.When.All(condition => values.Exists(value =>
                value.Name == condition.Dimension && condition.Options.Contains(value.Text)));
            if (isThere)
            {
                double unit = CounterRandom.UnitDouble(key, (ulong)index);
                values.Add(new ParameterValue(dimension.Name, ValueAt(dimension, unit)));
            }
        }
        return new Suggestion(values, "drawn");
    }

    private static string ValueAt(Dimension dimension, double unit) => dimension switch
    {
        ChoiceDimension choice => choice.Options[(int)(unit * choice.Options.Count)],
        IntegerDimension whole => SpecWords.Of(whole.Low
            + ((long)(unit * (((whole.High - whole.Low) / whole.Step) + 1)) * whole.Step)),
        RealDimension { Step: { } step } real =>
            SpecWords.Of(real.Low + (Math.Floor(unit * (real.High - real.Low) / step) * step)),
        RealDimension { IsLogarithmic: true } real =>
            SpecWords.Of(real.Low * Math.Pow(real.High / real.Low, unit)),
        RealDimension real => SpecWords.Of(real.Low + (unit * (real.High - real.Low))),
        _ => throw new NotSupportedException(dimension.GetType().Name),
    };
}
