using System.Globalization;
using System.Text.RegularExpressions;
using Distributed.Cli.Nodes;
using Distributed.Cli.Output;
using Distributed.Cluster.Configuration;
using Distributed.Cluster.Jobs;
using Distributed.Kernel;
using Distributed.Runtime.Observers;
using FsCheck.Xunit;

namespace Distributed.Cli.Tests;

/// <summary>
/// Goal: what a worker, a file or a log calls itself is seen on a terminal, never obeyed. Method:
/// events with hostile texts in every place, in every form of output.
/// </summary>
public sealed partial class HostileNamesTests
{
    private const string Hostile =
        "\u001b[2J\u001b]0;owned\a\r\nerror: fake line\u009b31m\u202egnp.exe\u2028\u0085[red]x[/]";

    [Fact]
    public void NoPrinterObeysAName() => Check(Hostile);

    [Property(MaxTest = 200)]
    public void NoPrinterObeysAnyText(char[] letters) => Check(new string(letters));

    [Fact]
    public void ANodesLogStaysOneLineARecord()
    {
        var terminal = new FakeTerminal();
        Action<ActorLogRecord> log = NodeLog.To(
            terminal.Terminal, new LogThreshold(LogLevel.Debug), LogFormat.Text, "w0");
        log(new ActorLogRecord(
            ActorLogLevel.Warning, DateTimeOffset.UnixEpoch, "/worker/" + Hostile,
            "it says " + Hostile));
        AssertInert(terminal.Error);
        Assert.Equal(1, terminal.Error.Count(letter => letter == '\n'));
    }

    private static void Check(string text)
    {
        foreach (bool interactive in new[] { false, true })
        {
            var terminal = new FakeTerminal(interactive);
            using (var printer = RunEventPrinter.Create(terminal.Terminal, json: false))
            {
                foreach (RunEvent happened in Events(text))
                    printer.Print(happened);
            }

            // The bar's own: weights of letters, and no more than those.
            AssertInert(interactive ? Weights().Replace(terminal.Output, "") : terminal.Output);
            AssertInert(terminal.Error);
        }
    }

    [GeneratedRegex(@"\e\[[0-2]m")]
    private static partial Regex Weights();

    private static IEnumerable<RunEvent> Events(string text) =>
    [
        new WorkerUp(text, 1, text, 0, text),
        new WorkerUp(text, 1, text, -1, text),
        new GenerationStarted(2, 0, [text, text], text),
        new CheckpointSaved(1, text),
        new Notice(text),
        new RunInterrupted(1, text),
        new RunFailed(1, text),
        new RunCompleted(1, 1, 0.5, 0.5, text, 1, 1, 0, 0, 1, text),
    ];

    /// <summary>Line feeds end lines; any other control character would act.</summary>
    private static void AssertInert(string output) => Assert.DoesNotContain(
        output,
        letter => letter != '\n'
            && (CharUnicodeInfo.GetUnicodeCategory(letter) is UnicodeCategory.Control
                    or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
                || letter is '\u061c' or '\u200e' or '\u200f' or (>= '\u202a' and <= '\u202e')
                    or (>= '\u2066' and <= '\u2069')));
}
