using Distributed.Kernel;
using Distributed.Torch.Building;
using Distributed.Torch.Finding;

namespace Distributed.Torch;

/// <summary>
/// Decides which libtorch is used, and finds or builds the engine for it. Loads neither.
/// </summary>
/// <param name="programFolder">Where the program is.</param>
/// <param name="variable">Reads the environment.</param>
/// <param name="configuredFolder">torch.folder of the configuration; empty or null for
/// none.</param>
internal sealed class EngineLocator(
    string programFolder, Func<string, string?> variable, Func<string?> configuredFolder)
{
    /// <summary>Names an engine that was built elsewhere: nothing is decided or built
    /// then.</summary>
    public const string LibraryVariable = "DISTRIBUTED_NATIVE";

    /// <param name="say">Told in a line what takes long.</param>
    /// <exception cref="OperatingException">There is no libtorch, or the engine cannot be
    /// built.</exception>
    public EngineOrigin Locate(Action<string> say)
    {
        var folders = EngineFolders.Of(programFolder, variable);
        if (Prebuilt(folders) is { } prebuilt)
            return prebuilt;
        var decision = LibtorchDecision.Of(Look());
        if (decision.Libtorch is not { } libtorch)
        {
            throw decision.IsNoneThere
                ? new LibtorchMissingException(decision.Reason)
                : new OperatingException(decision.Reason);
        }

        if (folders.Source is not { } source)
        {
            throw new OperatingException(
                $"the engine over {libtorch} has to be built, and its source is not in "
                + $"{programFolder}/native: expected it beside the program, or {LibraryVariable} "
                + "to name a library that was built elsewhere");
        }

        var library = new EngineCache(folders.Cache).FindOrBuild(
            EngineKey.Of(libtorch, CudaHeaders.Of(libtorch, variable), source),
            work =>
            {
                say($"building the engine over {libtorch} ({libtorch.Folder}), once");
                return new CMakeBuild(source, libtorch).Run(work);
            },
            () => say("waiting for another process that builds the engine"));
        return new(
            $"{libtorch}, {libtorch.Folder}", decision.Reason, library,
            libtorch.CudaVersion is { } version ? CudaHeaders.Advice(version) : "");
    }

    internal LibtorchSituation Look() => new(
        Candidate(variable(LibtorchDecision.Variable)), Candidate(configuredFolder()),
        LibtorchFolders.OfDistribution(), HasGpu(), () => PythonEnvironment.FindTorch(variable));

    /// <summary>
    /// Beside a program where it was built lies at most what an older version left there.
    /// </summary>
    private EngineOrigin? Prebuilt(EngineFolders folders)
    {
        if (variable(LibraryVariable) is { Length: > 0 } named)
        {
            return File.Exists(named)
                ? OfPrebuilt(named, $"named by {LibraryVariable}")
                : throw new OperatingException(
                    $"{LibraryVariable} names {named}, which does not exist: expected a "
                    + $"{EngineCache.FileName}; mend or remove it");
        }

        var beside = Path.Combine(programFolder, EngineCache.FileName);
        return !folders.IsBuildOutput && File.Exists(beside)
            ? OfPrebuilt(beside, "the engine lies beside the program")
            : null;
    }

    private static EngineOrigin OfPrebuilt(string library, string reason) =>
        new("the libtorch that it was built for", reason, library, "")
        {
            IsPrebuilt = true,
        };

    private static LibtorchCandidate? Candidate(string? folder) =>
        string.IsNullOrEmpty(folder) ? null : LibtorchFolders.Read(folder);

    // Of the driver itself, and of the one that Windows lends to its Linux.
    private static bool HasGpu() =>
        File.Exists("/dev/dxg") || Directory.EnumerateFileSystemEntries("/dev", "nvidia?").Any();
}
