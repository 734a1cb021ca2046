using Distributed.Cli.Output;
using Distributed.Cluster.Jobs;

namespace Distributed.Cli.Tests;

/// <summary>
/// The three forms against golden text: programs read the JSON form and people the others, so every
/// change of them must be on purpose.
/// </summary>
public sealed class RunEventPrinterTests
{
    private static FakeTerminal Print(
        FakeTerminal terminal, bool json, IEnumerable<(double, RunEvent)> events)
    {
        using var printer = RunEventPrinter.Create(terminal.Terminal, json);
        foreach ((double secondsBefore, RunEvent happened) in events)
        {
            terminal.Clock.Advance(secondsBefore);
            printer.Print(happened);
        }
        return terminal;
    }

    [Fact]
    public void JsonIsOneObjectALineInThePublishedOrder()
    {
        FakeTerminal terminal = Print(
            new FakeTerminal(interactive: true), true, RunEvents.ShortRun());
        Assert.Equal(
            Golden("run.jsonl"),
            terminal.Output);
        Assert.Equal("", terminal.Error);
    }

    [Fact]
    public void ReasonsStayReadableAndOneLineInJson()
    {
        FakeTerminal terminal = Print(
            new FakeTerminal(), true,
            [(0, new GenerationStarted(1, 0, [], "„größer“ <&> \"quoted\"\nnext"))]);
        Assert.Equal(
            """{"event":"generation","generation":1,"step":0,"workers":[],"reason":"""
            + "\"„größer“ <&> \\\"quoted\\\"\\nnext\"}\n",
            terminal.Output);
    }

    [Fact]
    public void PlainLinesShowEveryEpochAndProgressAtMostEveryFiveSeconds()
    {
        FakeTerminal terminal = Print(new FakeTerminal(), false, RunEvents.ShortRun());
        Assert.Equal(
            Golden("run.txt"),
            terminal.Output);
    }

    [Fact]
    public void BarIsRedrawnUnderTheTableWithoutColoursWhenTheyAreNotWanted()
    {
        FakeTerminal terminal = Print(
            new FakeTerminal(interactive: true, width: 80), false, RunEvents.ShortRun());
        Assert.Equal(
            Golden("run-terminal.txt"),
            Readable(terminal.Output));
        Assert.DoesNotContain("\e[3", terminal.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void ColoursAreUsedWhereTheyAreWanted()
    {
        FakeTerminal terminal = Print(
            new FakeTerminal(interactive: true, colours: true), false, RunEvents.ShortRun());
        Assert.Contains("\e[32m", terminal.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(10)]
    [InlineData(40)]
    [InlineData(60)]
    [InlineData(200)]
    public void BarNeverReachesTheLastColumn(int width)
    {
        FakeTerminal terminal = Print(
            new FakeTerminal(interactive: true, width: width), false,
            [(0, new StepCommitted(1, 200, 1, 2, 2.3, 4000)),
                (1, new StepCommitted(199, 200, 2, 2, 12345.6, 1e9))]);
        foreach (string bar in Readable(terminal.Output).Split('<'))
            Assert.InRange(bar.Trim('\n').Length, 0, width - 1);
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, false)]
    [InlineData(false, true)]
    public void WhatWentWrongGoesToStandardErrorInEveryForm(bool json, bool interactive)
    {
        FakeTerminal terminal = Print(
            new FakeTerminal(interactive), json,
            [(0, new Notice("checkpoint step-100 is corrupt; step-50 is used")),
                (0, new RunFailed(4, "loss is NaN at step 7 in shard 3")),
                (0, new RunInterrupted(42, "runs/a"))]);
        Assert.Equal(
            """
            distributed: checkpoint step-100 is corrupt; step-50 is used
            distributed: loss is NaN at step 7 in shard 3
            distributed: interrupted; the state after step 42 is saved: {0}

            """.Replace(
                "{0}", "./distributed train --resume --out runs/a goes on",
                StringComparison.Ordinal),
            terminal.Error);
        Assert.Equal("", terminal.Output);
    }

    private static string Golden(string name) =>
        File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Golden", name));

    // Erasing a line is shown as a line that starts with '<' and bold is left out, so that golden
    // text stays text.
    private static string Readable(string output) =>
        output.Replace("\e[1m", "", StringComparison.Ordinal)
            .Replace("\e[0m", "", StringComparison.Ordinal)
            .Replace("\r\e[2K", "\n<", StringComparison.Ordinal)
            .Replace("\n\n<", "\n<", StringComparison.Ordinal);
}
