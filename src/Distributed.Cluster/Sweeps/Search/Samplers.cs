using System.Globalization;

namespace Distributed.Cluster.Sweeps.Search;

/// <summary>Makes samplers, and says what is wrong with their settings.</summary>
public static class Samplers
{
    private const int GridMax = 1_000_000;
    private const long WholeMax = 1L << 53;

    /// <param name="spec">One for which <see cref="Problem"/> finds none.</param>
    /// <param name="space">What is varied.</param>
    /// <param name="seed">Another one draws other configurations.</param>
    /// <param name="objectives">How many losses an observation has.</param>
    public static ISampler Create(SamplerSpec spec, SearchSpace space, ulong seed, int objectives)
    {
        var domain = new Domain(space);
        return spec switch
        {
            GridSpec => new GridSampler(domain),
            RandomSpec => new RandomSampler(domain, seed),
            SobolSpec => new SobolSampler(domain, seed),
            TpeSpec tpe => new TpeSampler(tpe, domain, seed, objectives),
            CmaEsSpec cmaEs => new CmaEsSampler(cmaEs, domain, seed),
            _ => throw new ArgumentException($"{spec} is no known sampler"),
        };
    }

    /// <summary>
    /// Why that sampler cannot be used on that space, for the reader of the file that asks for it;
    /// null where it can.
    /// </summary>
    public static string? Problem(SamplerSpec spec, SearchSpace space, int objectives = 1)
    {
        if (space.Dimensions.Count == 0)
            return "there is nothing to vary";
        foreach (Dimension dimension in space.Dimensions)
        {
            if (dimension is IntegerDimension { Low: < -WholeMax } or IntegerDimension
                { High: > WholeMax })
            {
                return $"{dimension.Name} goes beyond ±2^53, where numbers are no longer exact";
            }
        }
        return spec switch
        {
            GridSpec => GridProblem(space),
            SobolSpec when space.Dimensions.Count > SobolSequence.DimensionsMax =>
                $"sobol takes at most {SobolSequence.DimensionsMax} dimensions; there are "
                + $"{space.Dimensions.Count}",
            TpeSpec { StartTrials: < 1 } => "tpe needs a start-up trial or more",
            TpeSpec { Candidates: < 1 } => "tpe needs a candidate or more",
            CmaEsSpec cmaEs => CmaEsProblem(cmaEs, space, objectives),
            _ => null,
        };
    }

    private static string? GridProblem(SearchSpace space)
    {
        foreach (Dimension dimension in space.Dimensions)
        {
            if (dimension is RealDimension { Step: null })
                return $"grid needs a step for {dimension.Name}, which is a range of reals";
        }
        long count = new Combinations(new Domain(space)).Count;
        string text = (count == Combinations.CountMax ? "more than " : "")
            + count.ToString("N0", CultureInfo.InvariantCulture);
        return count <= GridMax ? null
            : $"the grid has {text} combinations, and {GridMax:N0} are the most";
    }

    private static string? CmaEsProblem(CmaEsSpec spec, SearchSpace space, int objectives)
    {
        foreach (Dimension dimension in space.Dimensions)
        {
            if (dimension is ChoiceDimension)
                return $"cma-es takes numbers only; {dimension.Name} is a choice";
        }
        return spec.Population is not 0 and < 4 ? "cma-es needs a population of 4 or more"
            : objectives > 1 ? $"cma-es takes one objective; there are {objectives}"
            : null;
    }
}
