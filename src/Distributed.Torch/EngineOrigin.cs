namespace Distributed.Torch;

/// <summary>Where the engine and its libtorch come from.</summary>
/// <param name="Libtorch">Version and CUDA of the libtorch that was chosen, and its
/// folder.</param>
/// <param name="Reason">Why that one.</param>
/// <param name="LibraryFile">The engine's library for it.</param>
/// <param name="CaptureAdvice">What to install where the engine turns out to have no captured step
/// (<see cref="TorchDevices.HasCapture"/>); empty for a libtorch without CUDA.</param>
public sealed record EngineOrigin(
    string Libtorch, string Reason, string LibraryFile, string CaptureAdvice)
{
    /// <summary>Whether it was built elsewhere, for a libtorch that only it knows.</summary>
    public bool IsPrebuilt { get; init; }
}
