using System.ComponentModel;
using System.Diagnostics;
using Distributed.Kernel;
using Distributed.Torch.Finding;

namespace Distributed.Torch.Building;

/// <summary>Builds the engine with CMake and the C++ compiler of this machine.</summary>
/// <param name="source">native/.</param>
/// <param name="libtorch">What to build against.</param>
internal sealed class CMakeBuild(string source, LibtorchInstallation libtorch)
{
    private const string Tools = "apt-get install cmake make g++";
    private const string LogFile = "build.log";
    private const int LinesShown = 4;

    // One compilation of libtorch's headers takes so much.
    private const long BytesPerCompiler = 2L << 30;

    /// <summary>Builds in a folder, which may hold an earlier build, and returns the
    /// library.</summary>
    /// <exception cref="OperatingException">A tool is missing or fails; the message has the last
    /// lines and where the log is.</exception>
    public string Run(string folder)
    {
        var log = Configure(folder);
        Run(["--build", folder, "--parallel", $"{Compilers()}"], log);
        return Path.Combine(folder, EngineCache.FileName);
    }

    /// <summary>Only looks at what there is to build with; returns the log.</summary>
    internal string Configure(string folder)
    {
        var log = Path.Combine(folder, LogFile);
        File.Delete(log);
        // A cache would go on naming the compiler and the CUDA that it found first.
        File.Delete(Path.Combine(folder, "CMakeCache.txt"));
        Run(
            [
                "-S", source, "-B", folder, "-DCMAKE_BUILD_TYPE=Release",
                $"-DLIBTORCH={(libtorch.IsDistribution ? "distribution" : libtorch.Folder)}",
            ],
            log);
        return log;
    }

    internal static string Explain(
        string tool, int exitCode, IReadOnlyList<string> lines, string log)
    {
        // The compiler's first complaint says more than what make says of it last.
        string[] told =
        [
            .. lines.Where(line => line.Contains("error", StringComparison.OrdinalIgnoreCase))
                .Concat(lines.Where(line => line.Trim().Length > 0).TakeLast(LinesShown))
                .Distinct()
                .Take(LinesShown)
                .Select(line => line.Trim()),
        ];
        return $"the engine over libtorch could not be built: {tool} ended with {exitCode}; "
            + $"{string.Join(" / ", told)}; all of it is in {log}; `{Tools}` installs what it "
            + "needs";
    }

    private void Run(IReadOnlyList<string> arguments, string log)
    {
        var start = new ProcessStartInfo("cmake", arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        // Stands for the folder that was decided on, and for that alone.
        start.Environment.Remove(LibtorchDecision.Variable);
        try
        {
            using var process = Process.Start(start)!;
            process.StandardInput.Close();
            var lines = new List<string>();
            using var writer = File.AppendText(log);
            void Take(object _, DataReceivedEventArgs data)
            {
                if (data.Data is not { } line)
                    return;
                lock (lines)
                {
                    lines.Add(line);
                    writer.WriteLine(line);
                }
            }

            process.OutputDataReceived += Take;
            process.ErrorDataReceived += Take;
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
            process.WaitForExit();
            if (process.ExitCode != 0)
                throw new OperatingException(Explain("cmake", process.ExitCode, lines, log));
        }
        catch (Win32Exception)
        {
            throw new OperatingException(
                $"the engine over {libtorch} has to be built first, and there is no cmake; "
                + $"`{Tools}`, or set {EngineLocator.LibraryVariable} to a library that was built "
                + "elsewhere");
        }
    }

    private static long Compilers() => Math.Clamp(
        GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / BytesPerCompiler, 1,
        Environment.ProcessorCount);
}
