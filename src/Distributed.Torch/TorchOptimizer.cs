namespace Distributed.Torch;

/// <summary>
/// The optimizers, by PyTorch's names and formulas. Muon is for convolution filters alone.
/// </summary>
public enum OptimizerKind
{
    Sgd = 0,
    Adam = 1,
    AdamW = 2,
    Muon = 3,
}

/// <summary>
/// Momentum and Nesterov are SGD's and Muon's; the betas and epsilon Adam's.
/// </summary>
/// <param name="NewtonSchulzSteps">Muon's: how often a direction is brought nearer to an
/// orthogonal one.</param>
public sealed record OptimizerSettings(
    OptimizerKind Kind, double Momentum, bool Nesterov, double WeightDecay, double Beta1,
    double Beta2, double Epsilon, int NewtonSchulzSteps = 0);

/// <summary>
/// One optimizer step as one pass over flat buffers, elementwise and in no thread but one.
/// </summary>
public static class TorchOptimizer
{
    /// <summary>Zero-filled buffers, as long as the parameters, that the optimizer keeps.</summary>
    public static int StateBuffers(OptimizerKind kind) =>
        kind is OptimizerKind.Sgd or OptimizerKind.Muon ? 1 : 2;

    /// <summary>
    /// Updates <paramref name="length"/> elements from <paramref name="offset"/> on, by any kind
    /// but Muon. <paramref name="step"/> counts from 1 and corrects Adam's bias.
    /// </summary>
    public static void Step(
        OptimizerSettings settings, double learningRate, long step, NativeBuffer parameters,
        NativeBuffer gradients, NativeBuffer[] state, long length,
        ElementType type = ElementType.Float32, long offset = 0)
    {
        TorchLibrary.RequireInitialized();
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        RequireLength(parameters, offset + length, type, nameof(parameters));
        RequireLength(gradients, offset + length, type, nameof(gradients));
        if (state.Length < StateBuffers(settings.Kind))
        {
            throw new ArgumentException(
                $"{state.Length} state buffers; {settings.Kind} needs "
                + $"{StateBuffers(settings.Kind)}", nameof(state));
        }
        foreach (var buffer in state)
            RequireLength(buffer, offset + length, type, nameof(state));
        var native = NativeSettings(settings);
        var held0 = false;
        var held1 = false;
        var second = state.Length > 1 ? state[1] : null;
        try
        {
            state[0].DangerousAddRef(ref held0);
            second?.DangerousAddRef(ref held1);
            NativeMethods.Check(NativeMethods.OptimizerStep(
                native, (int)type, learningRate, step, parameters, gradients,
                state[0].DangerousGetHandle(), second?.DangerousGetHandle() ?? 0, offset,
                length));
        }
        finally
        {
            if (held0)
                state[0].DangerousRelease();
            if (held1)
                second!.DangerousRelease();
        }
    }

    /// <summary>
    /// Muon's step of the filters of one convolution, <paramref name="rows"/> of them with
    /// <paramref name="columns"/> values each, from <paramref name="offset"/> on.
    /// </summary>
    public static void MuonStep(
        OptimizerSettings settings, double learningRate, NativeBuffer parameters,
        NativeBuffer gradients, NativeBuffer momentum, long offset, long rows, long columns,
        ElementType type = ElementType.Float32)
    {
        TorchLibrary.RequireInitialized();
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        var end = offset + (rows * columns);
        RequireLength(parameters, end, type, nameof(parameters));
        RequireLength(gradients, end, type, nameof(gradients));
        RequireLength(momentum, end, type, nameof(momentum));
        NativeMethods.Check(NativeMethods.MuonStep(
            NativeSettings(settings), settings.NewtonSchulzSteps, (int)type, learningRate,
            parameters, gradients, momentum, offset, rows, columns));
    }

    internal static NativeMethods.NativeOptimizerSettings NativeSettings(
        OptimizerSettings settings) => new()
        {
            Kind = (int)settings.Kind,
            Nesterov = settings.Nesterov ? 1 : 0,
            Momentum = settings.Momentum,
            WeightDecay = settings.WeightDecay,
            Beta1 = settings.Beta1,
            Beta2 = settings.Beta2,
            Epsilon = settings.Epsilon,
        };

    private static void RequireLength(
        NativeBuffer buffer, long length, ElementType type, string name)
    {
        if (length < 0 || buffer.ByteLength / type.ByteSize() < length)
            throw new ArgumentException($"{name} is shorter than {length} elements", name);
    }
}
