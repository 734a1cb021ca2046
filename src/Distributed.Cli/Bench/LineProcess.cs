using System.Diagnostics;
using Distributed.Kernel;

namespace Distributed.Cli.Bench;

/// <summary>How a process is started that is spoken to in lines.</summary>
/// <param name="Name">For messages to people.</param>
/// <param name="Words">The program and its arguments.</param>
internal sealed record LineProgram(
    string Name, IReadOnlyList<string> Words,
    IReadOnlyDictionary<string, string>? Environment = null)
{
    /// <summary>This program again.</summary>
    public static LineProgram Self(string name, IEnumerable<string> arguments) =>
        new(name, [System.Environment.ProcessPath!, .. arguments]);

    /// <summary>
    /// The same behind words that start it elsewhere, such as `ip netns exec a`; {rank} in them is
    /// the number given.
    /// </summary>
    public LineProgram Behind(string launcher, int rank) => this with
    {
        Words =
        [
            .. launcher.Replace("{rank}", $"{rank}", StringComparison.Ordinal)
                .Split(' ', StringSplitOptions.RemoveEmptyEntries),
            .. Words,
        ],
    };
}

/// <summary>
/// A process that answers each line on its standard input with one on its standard output. It ends
/// when its input closes.
/// </summary>
internal sealed class LineProcess : IAsyncDisposable
{
    private static readonly TimeSpan StopGrace = TimeSpan.FromSeconds(5);

    private readonly LineProgram _program;
    private readonly Process _process;
    private readonly Queue<string> _lastErrors = new();

    private LineProcess(LineProgram program, Process process)
    {
        _program = program;
        _process = process;
        process.ErrorDataReceived += (_, line) => KeepError(line.Data);
        process.Start();
        process.BeginErrorReadLine();
    }

    public static LineProcess Start(LineProgram program)
    {
        var start = new ProcessStartInfo(program.Words[0], program.Words.Skip(1))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach ((string name, string value) in
            program.Environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        try
        {
            return new LineProcess(program, new Process { StartInfo = start });
        }
        catch (System.ComponentModel.Win32Exception missing)
        {
            throw new OperatingException(
                $"{program.Name} could not be started ({missing.Message}): expected the program "
                + program.Words[0], inner: missing);
        }
    }

    /// <summary>Sends a line and waits for the answer, without its first word.</summary>
    /// <exception cref="OperatingException">The process ended or answered something
    /// else.</exception>
    public async Task<string> AskAsync(
        string line, string firstWord, CancellationToken cancellation)
    {
        try
        {
            await _process.StandardInput.WriteLineAsync(line.AsMemory(), cancellation);
            await _process.StandardInput.FlushAsync(cancellation);
        }
        catch (IOException)
        {
            // It has ended; reading says how.
        }

        return await ReadAsync(firstWord, cancellation);
    }

    /// <summary>Waits for a line that begins with this word; returns the rest of it.</summary>
    public async Task<string> ReadAsync(string firstWord, CancellationToken cancellation)
    {
        string answer = await ReadAsync(cancellation);
        return answer.Split(' ')[0] == firstWord
            ? answer[firstWord.Length..].TrimStart()
            : throw new OperatingException(
                $"{_program.Name} said '{answer}', expected '{firstWord}': {LastErrors()}");
    }

    /// <summary>Waits for a line.</summary>
    public async Task<string> ReadAsync(CancellationToken cancellation)
    {
        if (await _process.StandardOutput.ReadLineAsync(cancellation) is { } line)
            return line;
        await _process.WaitForExitAsync(cancellation);
        throw new OperatingException(
            $"{_program.Name} ended with exit code {_process.ExitCode}: {LastErrors()}");
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            _process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It has ended before it could read all.
        }

        using var patience = new CancellationTokenSource(StopGrace);
        try
        {
            await _process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync(CancellationToken.None);
        }

        _process.Dispose();
    }

    private void KeepError(string? line)
    {
        const int kept = 5;
        if (string.IsNullOrWhiteSpace(line))
            return;
        lock (_lastErrors)
        {
            _lastErrors.Enqueue(line.Trim());
            if (_lastErrors.Count > kept)
                _lastErrors.Dequeue();
        }
    }

    private string LastErrors()
    {
        lock (_lastErrors)
            return _lastErrors.Count > 0 ? string.Join(" | ", _lastErrors) : "it said nothing";
    }
}
