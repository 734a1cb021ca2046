using Distributed.Kernel;
using Distributed.Training.Specification;
using Grpc.Core;

namespace Distributed.Runtime.Coordination;

/// <summary>
/// Where a job or sweep that somebody submits may have the coordinator write: in a folder that is
/// a run's or a sweep's already. Commands make it one before they submit; who can only reach the
/// port cannot have it write just anywhere.
/// </summary>
internal static class SubmittedFolder
{
    /// <summary>The copy of its file that a sweep keeps in its folder.</summary>
    private const string SweepFile = "sweep.yaml";

    /// <exception cref="RpcException">The folder is no run's.</exception>
    internal static void RequireRun(string folder) => Require(folder, RunRecord.FileName, "run");

    /// <exception cref="RpcException">The folder is no sweep's.</exception>
    internal static void RequireSweep(string folder) => Require(folder, SweepFile, "sweep");

    private static void Require(string folder, string file, string what)
    {
        if (Problem(folder, file, what, File.Exists) is { } problem)
            throw new RpcException(new Status(StatusCode.InvalidArgument, problem));
    }

    /// <summary>Null where the folder may be written, else why not.</summary>
    internal static string? Problem(
        string folder, string file, string what, Func<string, bool> exists)
    {
        if (!Path.IsPathFullyQualified(folder) || Path.GetFullPath(folder) != folder
            || Shown.Line(folder) != folder)
        {
            return $"the {what}'s folder {folder} cannot be used: expected a full path of plain"
                + " characters, without . and ..";
        }

        return exists(Path.Combine(folder, file))
            ? null
            : $"the coordinator finds no {file} in {folder}: expected a {what}'s folder on storage"
                + " that it sees; submit from a host that shares it, into a new folder there";
    }
}
