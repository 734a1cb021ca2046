using System.ComponentModel;
using System.Diagnostics;

namespace Distributed.Torch.Finding;

/// <summary>The active Python environment: the one whose python3 a user would get.</summary>
internal static class PythonEnvironment
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    // Says where torch is without importing it, and does not take a folder of that name in the
    // current one for it.
    private const string Question =
        """
        import sys, importlib.util
        sys.path[:] = [folder for folder in sys.path if folder]
        found = importlib.util.find_spec('torch')
        print(list(found.submodule_search_locations)[0] if found else '')
        """;

    /// <summary>Its PyTorch, which may lack headers or not be there at all.</summary>
    /// <param name="variable">Reads the environment.</param>
    public static LibtorchCandidate FindTorch(Func<string, string?> variable)
    {
        var python = InterpreterOf(variable);
        try
        {
            return Ask(python) is { Length: > 0 } folder
                ? LibtorchFolders.Read(folder) is { Found: null } unusable
                    ? unusable with
                    {
                        Problem = $"the PyTorch in {folder} cannot be used, {unusable.Problem}",
                    }
                    : LibtorchFolders.Read(folder)
                : new(python, null, $"{python} knows no torch");
        }
        catch (Win32Exception)
        {
            return new(python, null, $"there is no {python}");
        }
    }

    /// <summary>The one of an activated environment, or the first on the path.</summary>
    internal static string InterpreterOf(Func<string, string?> variable) =>
        new[] { "VIRTUAL_ENV", "CONDA_PREFIX" }
            .Select(variable)
            .Where(folder => !string.IsNullOrEmpty(folder))
            .Select(folder => Path.Combine(folder!, "bin", "python3"))
            .FirstOrDefault(File.Exists) ?? "python3";

    private static string Ask(string python)
    {
        var start = new ProcessStartInfo(python, ["-c", Question])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        process.ErrorDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        var answer = process.StandardOutput.ReadToEndAsync();
        if (process.WaitForExit(s_patience) && process.ExitCode == 0)
            return answer.Result.Trim();
        if (!process.HasExited)
            process.Kill(entireProcessTree: true);
        return "";
    }
}
