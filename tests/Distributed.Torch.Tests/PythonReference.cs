using System.Diagnostics;

using Xunit.Abstractions;

namespace Distributed.Torch.Tests;

/// <summary>Runs a script under Debian's python3 with PyTorch, where that is installed.</summary>
internal static class PythonReference
{
    private const string Python = "/usr/bin/python3";

    private static readonly Lazy<bool> s_installed = new(() => File.Exists(Python) && Run(
        "import importlib.util, sys; sys.exit(importlib.util.find_spec('torch') is None)")
        .ExitCode == 0);

    internal static bool IsInstalled(ITestOutputHelper output)
    {
        if (!s_installed.Value)
            output.WriteLine("NOT CHECKED: python3-torch is not installed on this machine");
        return s_installed.Value;
    }

    /// <summary>Runs the script in a folder; its files are how values go in and out.</summary>
    internal static void Require(string script, string folder)
    {
        var (exitCode, error) = Run(script, folder);
        Assert.True(exitCode == 0, error);
    }

    private static (int ExitCode, string Error) Run(string script, string? folder = null)
    {
        var start = new ProcessStartInfo(Python)
        {
            RedirectStandardError = true,
            WorkingDirectory = folder ?? Path.GetTempPath(),
        };
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add(script);
        // This process's settings for its own OpenBLAS are none of the reference's business.
        start.Environment["OMP_NUM_THREADS"] = "1";
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, error);
    }

    internal static void WriteDoubles(string path, IEnumerable<double> values) =>
        File.WriteAllBytes(path, [.. values.SelectMany(BitConverter.GetBytes)]);

    internal static double[] ReadDoubles(string path)
    {
        var bytes = File.ReadAllBytes(path);
        var values = new double[bytes.Length / sizeof(double)];
        Buffer.BlockCopy(bytes, 0, values, 0, bytes.Length);
        return values;
    }
}
