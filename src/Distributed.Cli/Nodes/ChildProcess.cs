using System.Diagnostics;
using Distributed.Kernel;

namespace Distributed.Cli.Nodes;

/// <summary>
/// One node of the single-machine cluster: this program again, as another process. Its log goes to
/// a file; it ends when its standard input closes, so that it never outlives the command.
/// </summary>
internal sealed class ChildProcess : IDisposable
{
    private static readonly TimeSpan StopGrace = TimeSpan.FromSeconds(5);

    private readonly Process _process;
    private readonly StreamWriter _log;
    private readonly Lock _gate = new();
    private readonly TaskCompletionSource<string> _firstLine =
        new(TaskCreationOptions.RunContinuationsAsynchronously);

    private string _lastError = "";

    private ChildProcess(string name, Process process, StreamWriter log)
    {
        Name = name;
        _process = process;
        _log = log;
    }

    public string Name { get; }

    /// <summary>
    /// The first line of its standard output, or a cancelled task if it ended before.
    /// </summary>
    public Task<string> FirstLine => _firstLine.Task;

    public Task Exited => _process.WaitForExitAsync();

    /// <summary>How it ended, for people: exit code or signal, and its last words.</summary>
    public string Ending
    {
        get
        {
            const int signalBase = 128;
            int code = _process.ExitCode;
            string how = code > signalBase ? $"signal {code - signalBase}" : $"exit code {code}";
            lock (_gate)
                return _lastError.Length > 0 ? $"{how}: {_lastError}" : how;
        }
    }

    /// <summary>It has ended, with exit code 0.</summary>
    public bool HasEndedInOrder => _process.HasExited && _process.ExitCode == ExitCodes.Done;

    public int ProcessId { get; private init; }

    public static ChildProcess Start(string name, IEnumerable<string> arguments, string logFile)
    {
        string program = Environment.ProcessPath
            ?? throw new InvariantException("a process knows its own program");
        var process = new Process
        {
            StartInfo = new ProcessStartInfo(program, arguments)
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            },
            EnableRaisingEvents = true,
        };
        process.Start();
        var child = new ChildProcess(
            name, process, new StreamWriter(logFile, append: true) { AutoFlush = true })
        {
            ProcessId = process.Id,
        };
        process.OutputDataReceived += (_, line) => child.OnOutput(line.Data);
        process.ErrorDataReceived += (_, line) => child.OnError(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return child;
    }

    /// <summary>Closes its input, and ends it if it does not end by itself in time.</summary>
    public async Task StopAsync(TimeSpan? grace = null)
    {
        try
        {
            _process.StandardInput.Close();
            await _process.WaitForExitAsync().WaitAsync(grace ?? StopGrace);
        }
        catch (TimeoutException)
        {
            _process.Kill();
            await _process.WaitForExitAsync();
        }
    }

    public void Dispose()
    {
        _process.Dispose();
        lock (_gate)
            _log.Dispose();
    }

    private void OnOutput(string? line)
    {
        if (line is null)
            _firstLine.TrySetCanceled();
        else
            _firstLine.TrySetResult(line);
    }

    private void OnError(string? line)
    {
        if (string.IsNullOrEmpty(line))
            return;
        lock (_gate)
        {
            _lastError = line;
            _log.WriteLine(line);
        }
    }
}
