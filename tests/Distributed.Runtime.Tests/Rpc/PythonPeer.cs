using System.Diagnostics;

namespace Distributed.Runtime.Tests.Rpc;

/// <summary>Runs the .py files beside the tests with the system's Python and its grpcio.</summary>
internal static class PythonPeer
{
    private const string Python = "/usr/bin/python3";

    private static readonly Lazy<bool> Found = new(() =>
    {
        if (!File.Exists(Python)) return false;
        using var probe = Start("-c", "import grpc");
        probe.WaitForExit();
        return probe.ExitCode == 0;
    });

    /// <summary>Says in the test's output why a test that needs the peer does nothing.</summary>
    public static bool IsMissing(Xunit.Abstractions.ITestOutputHelper output)
    {
        if (Found.Value) return false;
        output.WriteLine("SKIPPED: no grpcio here (apt install python3-grpcio brings it)");
        return true;
    }

    public static Process StartScript(string script, params string[] arguments) =>
        Start([Path.Combine(AppContext.BaseDirectory, script), .. arguments]);

    /// <summary>The name=result lines that a script printed.</summary>
    public static async Task<Dictionary<string, string>> RunAsync(
        string script, params string[] arguments)
    {
        using var process = StartScript(script, arguments);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        using var kill = limit.Token.Register(() => process.Kill());
        process.StandardInput.Close();
        var errors = process.StandardError.ReadToEndAsync(limit.Token);
        var output = await process.StandardOutput.ReadToEndAsync(limit.Token);
        await process.WaitForExitAsync(limit.Token);
        Assert.True(process.ExitCode == 0, output + await errors);
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split('=', 2))
            .ToDictionary(pair => pair[0], pair => pair[1]);
    }

    private static Process Start(params string[] arguments) => Process.Start(
        new ProcessStartInfo(Python, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
}
