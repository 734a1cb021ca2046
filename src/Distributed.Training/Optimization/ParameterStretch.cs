using Distributed.Torch;
using Distributed.Training.Models;
using Distributed.Training.Specification;

namespace Distributed.Training.Optimization;

/// <summary>Neighbours in the flat parameters that a step changes alike.</summary>
/// <param name="RateFactor">Multiplies the learning rate.</param>
/// <param name="LastStep">Later steps leave it as it is.</param>
/// <param name="Rows">Filters, where the optimizer takes them as a matrix; else 0.</param>
internal sealed record ParameterStretch(
    long Offset, long Length, OptimizerSettings Settings, double RateFactor, long LastStep,
    int Rows)
{
    /// <summary>
    /// All parameters that are trained at all, in as few stretches as there can be: with one
    /// setting for all of them a step is one pass.
    /// </summary>
    public static IEnumerable<ParameterStretch> Cover(
        OptimizerSpec optimizer, Network network, ModelLayout layout, long stepsPerEpoch)
    {
        ParameterStretch? open = null;
        for (int index = 0; index < layout.Parameters.Count; index++)
        {
            TensorInfo place = layout.Parameters[index];
            NetworkTensor tensor = network.Parameters.Single(other => other.Name == place.Name);
            if (tensor.TrainedEpochs == 0)
                continue;
            ParameterStretch next = Of(optimizer, tensor, place, stepsPerEpoch);
            if (next.Rows == 0)
            {
                // What lies between tensors is zero, gradients likewise, and stays so.
                long end = index + 1 < layout.Parameters.Count
                    ? layout.Parameters[index + 1].Offset
                    : layout.ParameterLength;
                next = next with { Length = end - next.Offset };
            }

            if (open is not null && open.GoesOnWith(next))
            {
                open = open with { Length = open.Length + next.Length };
                continue;
            }

            if (open is not null)
                yield return open;
            open = next;
        }

        if (open is not null)
            yield return open;
    }

    public void Apply(
        long step, double learningRate, NativeBuffer parameters, NativeBuffer gradients,
        NativeBuffer[] state)
    {
        double rate = learningRate * RateFactor;
        if (Rows > 0)
        {
            TorchOptimizer.MuonStep(
                Settings, rate, parameters, gradients, state[0], Offset, Rows, Length / Rows);
            return;
        }

        TorchOptimizer.Step(
            Settings, rate, step, parameters, gradients, state, Length, offset: Offset);
    }

    private static ParameterStretch Of(
        OptimizerSpec optimizer, NetworkTensor tensor, TensorInfo place, long stepsPerEpoch)
    {
        ParameterKind kind = KindOf(tensor.Role);
        OptimizerSettings settings = optimizer.ToEngineSettings(kind);
        long lastStep = tensor.TrainedEpochs is { } epochs
            ? RunSpec.StepsIn(epochs, stepsPerEpoch)
            : long.MaxValue;
        int rows = settings.Kind == OptimizerKind.Muon ? place.Shape[0] : 0;
        return new ParameterStretch(
            place.Offset, place.Length, settings, optimizer.GroupOf(kind).RateFactor, lastStep,
            rows);
    }

    private static ParameterKind KindOf(TensorRole role) => role switch
    {
        TensorRole.ConvolutionWeight or TensorRole.WhiteningWeight => ParameterKind.Filters,
        TensorRole.LinearWeight => ParameterKind.Linear,
        TensorRole.Bias or TensorRole.WhiteningBias => ParameterKind.Biases,
        _ => ParameterKind.Norms,
    };

    private bool GoesOnWith(ParameterStretch next) =>
        Rows == 0 && next.Offset == Offset + Length
        && this with { Offset = next.Offset, Length = next.Length } == next;
}
