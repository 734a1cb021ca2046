namespace Distributed.Torch.Finding;

/// <summary>What there is to choose a libtorch from.</summary>
/// <param name="Variable">What LIBTORCH names; null where it is not set.</param>
/// <param name="Configured">What torch.folder of the configuration names; null
/// likewise.</param>
/// <param name="Distribution">That of the distribution's packages; null where there is
/// none.</param>
/// <param name="HasGpu">Whether this machine shows an NVIDIA GPU.</param>
/// <param name="Wheel">The PyTorch of the active Python environment. Asked for only where it could
/// be taken, because it starts Python.</param>
internal sealed record LibtorchSituation(
    LibtorchCandidate? Variable, LibtorchCandidate? Configured, LibtorchInstallation? Distribution,
    bool HasGpu, Func<LibtorchCandidate> Wheel);
