namespace Distributed.Torch.Finding;

/// <summary>Which libtorch the engine is built against and runs with.</summary>
/// <param name="Libtorch">Null where there is none to use.</param>
/// <param name="Reason">Why that one; or what was found instead, what was expected and what to
/// do.</param>
/// <param name="IsNoneThere">Whether nothing was named and nothing was found: installing one then
/// mends it.</param>
internal sealed record LibtorchDecision(
    LibtorchInstallation? Libtorch, string Reason, bool IsNoneThere = false)
{
    public const string Variable = "LIBTORCH";
    public const string Setting = "torch.folder";

    private const string InstallDistribution =
        "apt-get install libtorch-dev libopenblas0-pthread";
    private const string InstallWheel = "python3 -m pip install torch";

    /// <summary>
    /// What is named comes first, and is never passed over in silence. A wheel is preferred to the
    /// distribution's only for a GPU's sake: otherwise it brings the same, and other bits.
    /// </summary>
    public static LibtorchDecision Of(LibtorchSituation situation)
    {
        if (situation.Variable is { } variable)
            return Named(variable, Variable);
        if (situation.Configured is { } configured)
            return Named(configured, Setting);
        if (situation.Distribution is { } distribution)
        {
            return situation.HasGpu
                ? OfTwo(distribution, situation.Wheel())
                : new(distribution, "the distribution's; this machine shows no GPU");
        }

        var wheel = situation.Wheel();
        if (wheel.Found is { } only)
        {
            return new(
                only,
                "the PyTorch of the active Python environment; none of the distribution is there");
        }

        var advice = situation.HasGpu
            ? $"`{InstallWheel}` in a virtual environment, for its GPU"
            : $"`{InstallDistribution}`, or `{InstallWheel}` in a virtual environment";
        return new(
            null,
            $"there is no libtorch: {wheel.Problem}, and libtorch-dev is not installed; {advice}, "
            + $"or name one with {Variable} or {Setting} in cluster.hocon",
            IsNoneThere: true);
    }

    private static LibtorchDecision Named(LibtorchCandidate named, string by) =>
        named.Found is { } found
            ? new(found, $"named by {by}")
            : new(
                null,
                $"{by} names {named.Place} as libtorch, but {named.Problem}: expected a folder "
                + "with include/ and lib/, such as the torch folder of a PyTorch wheel; mend or "
                + $"remove {by}");

    private static LibtorchDecision OfTwo(
        LibtorchInstallation distribution, LibtorchCandidate wheel) => wheel.Found switch
        {
            null => new(
                distribution,
                $"the distribution's, although this machine shows a GPU: {wheel.Problem}; "
                + $"`{InstallWheel}` in the active Python environment for its GPU"),
            { CudaVersion: null } => new(
                distribution,
                $"the distribution's, although this machine shows a GPU: the PyTorch in "
                + $"{wheel.Place} has no CUDA either"),
            { } found => new(
                found, "the PyTorch of the active Python environment, for this machine's GPU"),
        };
}
