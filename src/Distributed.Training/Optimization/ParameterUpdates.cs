using Distributed.Kernel;
using Distributed.Torch;
using Distributed.Training.Models;
using Distributed.Training.Specification;

namespace Distributed.Training.Optimization;

/// <summary>
/// What a step does to the flat parameters: each kind of them by its own settings, some only for
/// a while, some never; and now and then the slow copy of them all. A pure function of the step,
/// the state and the sum of the gradients, so that all ranks come to the same bits.
/// </summary>
internal sealed class ParameterUpdates
{
    private const string LookaheadName = "lookahead";

    private readonly LookaheadSpec? _lookahead;
    private readonly long _totalSteps;
    private readonly ParameterStretch[] _stretches;

    public ParameterUpdates(
        RunSpec spec, Network network, ModelLayout layout, long stepsPerEpoch)
    {
        _lookahead = spec.Optimizer.Lookahead;
        _totalSteps = spec.TotalSteps(stepsPerEpoch);
        _stretches = [.. ParameterStretch.Cover(spec.Optimizer, network, layout, stepsPerEpoch)];
        // PyTorch's names: SGD keeps a momentum, Adam two moments.
        string[] names = TorchOptimizer.StateBuffers(spec.Optimizer.Kind) == 1
            ? ["momentum_buffer"]
            : ["exp_avg", "exp_avg_sq"];
        StateNames = _lookahead is null ? names : [.. names, LookaheadName];
    }

    /// <summary>What the optimizer keeps: buffers as long as the parameters.</summary>
    public IReadOnlyList<string> StateNames { get; }

    public IReadOnlyList<ParameterStretch> Stretches => _stretches;

    /// <summary>Whether the last of the state's buffers is the slow copy.</summary>
    public bool HasLookahead => _lookahead is not null;

    /// <summary>Brings the state to where the first step finds it.</summary>
    /// <param name="parameters">As they begin.</param>
    /// <param name="state">Zeroed, a buffer for each name.</param>
    public void Begin(NativeBuffer parameters, NativeBuffer[] state)
    {
        if (_lookahead is not null)
            parameters.AsSpan<float>().CopyTo(state[^1].AsSpan<float>());
    }

    /// <summary>Carries a step, counted from 1, out. Allocates nothing.</summary>
    public void Apply(
        long step, double learningRate, NativeBuffer parameters, NativeBuffer gradients,
        NativeBuffer[] state)
    {
        foreach (ParameterStretch stretch in _stretches)
        {
            if (step <= stretch.LastStep)
                stretch.Apply(step, learningRate, parameters, gradients, state);
        }

        if (_lookahead is not null)
            LookAhead(step, parameters.AsSpan<float>(), state[^1].AsSpan<float>());
    }

    /// <summary>
    /// What becomes of the slow copy at a step: how far it goes towards the parameters, which then
    /// take its place (0: it stays, and they do), and whether they end as what it is.
    /// </summary>
    public (float Share, bool TakesSlow) LookaheadAt(long step)
    {
        if (_lookahead is null)
            return (0, false);
        float share = 0;
        if (step % _lookahead.EverySteps == 0)
        {
            double progress = (double)step / _totalSteps;
            share = (float)(1 - (_lookahead.FinalDecay * progress * progress * progress));
        }

        return (share, step == _totalSteps);
    }

    private void LookAhead(long step, Span<float> fast, Span<float> slow)
    {
        Invariant.Check(fast.Length == slow.Length, "the slow copy is of all parameters");
        (float share, bool takesSlow) = LookaheadAt(step);
        if (share != 0)
        {
            for (int index = 0; index < slow.Length; index++)
                slow[index] += share * (fast[index] - slow[index]);
        }

        if (share != 0 || takesSlow)
            slow.CopyTo(fast);
    }
}
