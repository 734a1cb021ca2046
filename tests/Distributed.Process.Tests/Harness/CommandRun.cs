using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Distributed.Process.Tests;

/// <summary>How a command ended, with everything it said.</summary>
internal sealed record CommandResult(
    string Command, int ExitCode, IReadOnlyList<string> Output, IReadOnlyList<string> Errors)
{
    /// <summary>All of it, for the message of a failed test.</summary>
    public string Story =>
        $"{Command}\nexit code {ExitCode}\nstdout:\n{string.Join('\n', Output)}\n"
        + $"stderr:\n{string.Join('\n', Errors)}";

    public CommandResult Expect(int exitCode)
    {
        Assert.True(ExitCode == exitCode, $"expected exit code {exitCode}\n{Story}");
        return this;
    }

    /// <summary>The one line on standard error; there must be no other.</summary>
    public string OnlyError()
    {
        Assert.True(Errors.Count == 1, $"expected one line on standard error\n{Story}");
        return Errors[0];
    }
}

/// <summary>An event of --json as it came.</summary>
/// <param name="Event">The event.</param>
/// <param name="At">When its line was read.</param>
/// <param name="Line">Which line of standard output it was, counted from 0.</param>
internal sealed record Arrival(JsonElement Event, DateTimeOffset At, int Line)
{
    public long Number(string field) => Event.GetProperty(field).GetInt64();

    public string Text(string field) => Event.GetProperty(field).GetString()!;
}

/// <summary>
/// A process of the command line, from its start to its end, with what it says line by line. Its
/// deadline only bounds a test that hangs: nothing is decided by time.
/// </summary>
internal sealed class CommandRun : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(Chaos.Times(5, 15));

    private readonly System.Diagnostics.Process _process;
    private readonly string _command;
    private readonly object _gate = new();
    private readonly List<string> _output = [];
    private readonly List<DateTimeOffset> _arrivals = [];
    private readonly List<string> _errors = [];
    private readonly Stopwatch _running = Stopwatch.StartNew();
    private readonly HashSet<int> _family = [];
    private int _openStreams = 2;
    private bool _isDisposed;

    private CommandRun(string program, IReadOnlyList<string> arguments, Workplace workplace)
    {
        _command = $"{program} {string.Join(' ', arguments)}";
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = workplace.CurrentFolder,
        };
        start.Environment["DISTRIBUTED_DATA"] = workplace.CacheFolder;
        start.Environment["NO_COLOR"] = "1";
        // Several coordinators run on this host at a time.
        start.Environment["PBM__PORT"] = "0";
        start.Environment["DASHBOARD__PORT"] = "0";
        start.Environment["METRICS__PORT"] = "0";
        // The program finds its runtime where this process has its own.
        start.Environment["DOTNET_ROOT"] =
            Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "../../.."));
        _process = new System.Diagnostics.Process { StartInfo = start };
        _process.OutputDataReceived += (_, line) => Take(_output, line.Data);
        _process.ErrorDataReceived += (_, line) => Take(_errors, line.Data);
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public int ProcessId => _process.Id;

    public static CommandRun Start(
        Workplace workplace, IReadOnlyList<string> arguments, string? program = null) =>
        new(program ?? Repository.Program, arguments, workplace);

    /// <summary>How many lines of standard output it has written.</summary>
    public int LineCount
    {
        get
        {
            lock (_gate)
                return _output.Count;
        }
    }

    /// <summary>All that it has written to standard error so far.</summary>
    public string ErrorText
    {
        get
        {
            lock (_gate)
                return string.Join('\n', _errors);
        }
    }

    /// <summary>Waits for a line of standard output that passes.</summary>
    public string WaitForLine(Func<string, bool> passes, string what)
    {
        lock (_gate)
        {
            int found = FindLocked(_output, passes, from: 0, what);
            Assert.True(found >= 0, $"{_command} ended before {what}\n{StoryLocked()}");
            return _output[found];
        }
    }

    /// <summary>Waits for a line of standard error that has this text.</summary>
    public void WaitForError(string text)
    {
        lock (_gate)
        {
            int found = FindLocked(
                _errors, line => line.Contains(text, StringComparison.Ordinal), from: 0, text);
            Assert.True(found >= 0, $"{_command} ended before '{text}'\n{StoryLocked()}");
        }
    }

    /// <summary>Waits for an event of --json that passes.</summary>
    public JsonElement WaitForEvent(string kind, Func<JsonElement, bool>? passes = null) =>
        WaitForArrival(kind, passes).Event;

    /// <summary>Waits for an event of --json from a line on that passes.</summary>
    public Arrival WaitForArrival(
        string kind, Func<JsonElement, bool>? passes = null, int from = 0)
    {
        Arrival? found = FindArrival(kind, passes, from);
        lock (_gate)
        {
            Assert.True(
                found is not null, $"{_command} ended before event '{kind}'\n{StoryLocked()}");
        }

        return found;
    }

    /// <summary>The same, but null where the command ends without such an event.</summary>
    public Arrival? FindArrival(
        string kind, Func<JsonElement, bool>? passes = null, int from = 0)
    {
        JsonElement happened = default;
        lock (_gate)
        {
            int found = FindLocked(
                _output,
                line =>
                {
                    happened = JsonEvents.Parse(line);
                    return JsonEvents.Kind(happened) == kind
                        && (passes is null || passes(happened));
                },
                from, $"event '{kind}'");
            return found < 0 ? null : new Arrival(happened, _arrivals[found], found);
        }
    }

    /// <summary>The events of a kind so far, oldest first.</summary>
    public IReadOnlyList<Arrival> Arrivals(string kind)
    {
        lock (_gate)
        {
            return
            [
                .. _output
                    .Select((line, number) => new Arrival(
                        JsonEvents.Parse(line), _arrivals[number], number))
                    .Where(arrival => JsonEvents.Kind(arrival.Event) == kind),
            ];
        }
    }

    /// <summary>Waits until the run has reported a step that is not before this one.</summary>
    public void WaitForStep(long step) =>
        WaitForEvent("step", happened => happened.GetProperty("step").GetInt64() >= step);

    /// <summary>What a user types, key by key.</summary>
    public void Type(string keys)
    {
        _process.StandardInput.Write(keys);
        _process.StandardInput.Flush();
    }

    /// <summary>
    /// Ctrl-C in a terminal: the signal goes to the command and to all it started.
    /// </summary>
    public void PressControlC()
    {
        foreach (int process in Family())
            Signals.Send(process, Signals.Interrupt);
    }

    /// <summary>The command and the processes that it has started.</summary>
    public IReadOnlyList<int> Family()
    {
        lock (_gate)
        {
            _family.UnionWith(Signals.ChildrenOf(_process.Id));
            return [.. _family.Append(_process.Id).Where(Signals.IsAlive)];
        }
    }

    /// <summary>Waits for the end; then no process that it started may be left.</summary>
    public CommandResult Finish()
    {
        CommandResult result = Wait();
        Assert.True(
            !_family.Any(Signals.IsAlive), $"a process outlived the command\n{result.Story}");
        return result;
    }

    /// <summary>Waits for the end of the command alone.</summary>
    public CommandResult Wait()
    {
        lock (_gate)
        {
            while (_openStreams > 0)
                WaitLocked("its end");
        }

        _process.WaitForExit();
        lock (_gate)
            return new CommandResult(_command, _process.ExitCode, [.. _output], [.. _errors]);
    }

    /// <summary>Waits until nothing of the command is left, its children included.</summary>
    public void WaitUntilAllAreGone()
    {
        var waited = Stopwatch.StartNew();
        while (_family.Any(Signals.IsAlive))
        {
            Assert.True(waited.Elapsed < Deadline, $"a process of {_command} stays alive");
            Thread.Sleep(20);
        }
    }

    public void Dispose()
    {
        foreach (int process in Family())
            Signals.Send(process, Signals.Kill);

        // What it wrote last may still be on its way here.
        lock (_gate)
            _isDisposed = true;
        _process.Dispose();
    }

    private void Take(List<string> lines, string? line)
    {
        lock (_gate)
        {
            if (_isDisposed)
                return;
            if (line is null)
                _openStreams--;
            else
                lines.Add(line);
            if (line is not null && lines == _output)
                _arrivals.Add(DateTimeOffset.UtcNow);
            // Whom it has started can be seen while it runs only.
            if (line is not null && lines == _output)
                _family.UnionWith(Signals.ChildrenOf(_process.Id));
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>
    /// Waits for a line that passes and returns its number; -1 where there will be none.
    /// </summary>
    private int FindLocked(List<string> lines, Func<string, bool> passes, int from, string what)
    {
        for (int next = from; ; next++)
        {
            while (next >= lines.Count)
            {
                if (_openStreams == 0)
                    return -1;
                WaitLocked(what);
            }

            if (passes(lines[next]))
                return next;
        }
    }

    private void WaitLocked(string what)
    {
        TimeSpan left = Deadline - _running.Elapsed;
        if (left <= TimeSpan.Zero || !Monitor.Wait(_gate, left))
            Assert.Fail($"{_command}: no {what} after {Deadline}\n{StoryLocked()}");
    }

    private string StoryLocked() =>
        $"stdout:\n{string.Join('\n', _output)}\nstderr:\n{string.Join('\n', _errors)}";
}
