namespace Distributed.Torch;

/// <summary>The optimizers, by PyTorch's names and formulas.</summary>
public enum OptimizerKind
{
    Sgd = 0,
    Adam = 1,
    AdamW = 2,
}

/// <summary>Momentum and Nesterov are SGD's; the betas and epsilon Adam's.</summary>
public sealed record OptimizerSettings(
    OptimizerKind Kind, double Momentum, bool Nesterov, double WeightDecay, double Beta1,
    double Beta2, double Epsilon);

/// <summary>
/// One optimizer step as one pass over flat buffers, elementwise and in no thread but one.
/// </summary>
public static class TorchOptimizer
{
    /// <summary>Zero-filled buffers, as long as the parameters, that the optimizer keeps.</summary>
    public static int StateBuffers(OptimizerKind kind) => kind == OptimizerKind.Sgd ? 1 : 2;

    /// <summary>
    /// Updates the first <paramref name="length"/> elements. <paramref name="step"/> counts from 1
    /// and corrects Adam's bias.
    /// </summary>
    public static void Step(
        OptimizerSettings settings, double learningRate, long step, NativeBuffer parameters,
        NativeBuffer gradients, NativeBuffer[] state, long length,
        ElementType type = ElementType.Float32)
    {
        TorchLibrary.RequireInitialized();
        RequireLength(parameters, length, type, nameof(parameters));
        RequireLength(gradients, length, type, nameof(gradients));
        if (state.Length < StateBuffers(settings.Kind))
        {
            throw new ArgumentException(
                $"{state.Length} state buffers; {settings.Kind} needs "
                + $"{StateBuffers(settings.Kind)}", nameof(state));
        }
        foreach (var buffer in state)
            RequireLength(buffer, length, type, nameof(state));
        var native = new NativeMethods.NativeOptimizerSettings
        {
            Kind = (int)settings.Kind,
            Nesterov = settings.Nesterov ? 1 : 0,
            Momentum = settings.Momentum,
            WeightDecay = settings.WeightDecay,
            Beta1 = settings.Beta1,
            Beta2 = settings.Beta2,
            Epsilon = settings.Epsilon,
        };
        var held0 = false;
        var held1 = false;
        var second = state.Length > 1 ? state[1] : null;
        try
        {
            state[0].DangerousAddRef(ref held0);
            second?.DangerousAddRef(ref held1);
            NativeMethods.Check(NativeMethods.OptimizerStep(
                native, (int)type, learningRate, step, parameters, gradients,
                state[0].DangerousGetHandle(), second?.DangerousGetHandle() ?? 0, length));
        }
        finally
        {
            if (held0)
                state[0].DangerousRelease();
            if (held1)
                second!.DangerousRelease();
        }
    }

    private static void RequireLength(
        NativeBuffer buffer, long length, ElementType type, string name)
    {
        if (length < 0 || buffer.ByteLength / type.ByteSize() < length)
            throw new ArgumentException($"{name} is shorter than {length} elements", name);
    }
}
