using Distributed.Torch;
using Distributed.Training.Step;

namespace Distributed.Runtime.Showing;

/// <summary>
/// A copy of a model after a step, and of the gradients that led there. One thread fills it and
/// another one empties it, in turn.
/// </summary>
internal sealed class ModelSnapshot : IDisposable
{
    private int _isTaken;

    public ModelSnapshot(ModelLayout model)
    {
        Model = model;
        Parameters = NativeBuffer.Of(ElementType.Float32, model.ParameterLength);
        Statistics = NativeBuffer.Of(ElementType.Float32, model.StatisticsLength);
        Gradients = NativeBuffer.Of(ElementType.Float32, model.ParameterLength);
    }

    /// <summary>Says what lies where.</summary>
    public ModelLayout Model { get; }

    public NativeBuffer Parameters { get; }

    public NativeBuffer Statistics { get; }

    public NativeBuffer Gradients { get; }

    public bool HasGradients { get; private set; }

    public long Step { get; private set; }

    /// <summary>
    /// Copies the session's state. False where what was copied before is still in use; else
    /// <see cref="Release"/> has to follow.
    /// </summary>
    public bool TryTake(TrainingSession session)
    {
        if (Interlocked.Exchange(ref _isTaken, 1) == 1)
            return false;
        ModelState state = session.State;
        state.Refresh();
        Step = state.Step;
        state.Parameters.AsSpan<byte>()[..(int)Parameters.ByteLength]
            .CopyTo(Parameters.AsSpan<byte>());
        state.Statistics.AsSpan<byte>()[..(int)Statistics.ByteLength]
            .CopyTo(Statistics.AsSpan<byte>());
        HasGradients = session.TryCopyGradients(Gradients.AsSpan<float>());
        return true;
    }

    public void Release() => Volatile.Write(ref _isTaken, 0);

    public void Dispose()
    {
        Parameters.Dispose();
        Statistics.Dispose();
        Gradients.Dispose();
    }
}
