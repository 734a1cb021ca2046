using Distributed.Kernel;

namespace Distributed.Pbm.Tests;

/// <summary>How a line is typed, completed, remembered and taken apart.</summary>
public sealed class TypingTests
{
    [Theory]
    [InlineData("", "", null)]
    [InlineData("  cluster   show ", "cluster|show", null)]
    [InlineData("train show \"two words\" ''", "train|show|two words|", null)]
    [InlineData("worker list>w.txt", "worker|list", "w.txt")]
    [InlineData("worker list > 'my file'", "worker|list", "my file")]
    [InlineData("a '>' b", "a|>|b", null)]
    public void ALineIsWords(string line, string words, string? file)
    {
        Words typed = Words.Of(line);
        Assert.Equal(words, string.Join('|', typed.All));
        Assert.Equal(file, typed.File);
    }

    [Theory]
    [InlineData("train show 'open")]
    [InlineData("worker list >")]
    [InlineData("worker list > a b")]
    public void ALineThatMeansNothingIsRefused(string line) => Assert.Equal(
        ExitCodes.BadUsage, Assert.Throws<OperatingException>(() => Words.Of(line)).ExitCode);

    [Fact]
    public void AWordIsCompletedAsFarAsItIsClear()
    {
        var line = new EditedLine();
        line.Set("train st");
        Assert.False(line.Complete([]));
        Assert.True(line.Complete(["stop-all", "stop-one"]));
        Assert.Equal("train stop-", line.Text);
        Assert.False(line.Complete(["stop-all", "stop-one"]));
        Assert.True(line.Complete(["stop-one"]));
        Assert.Equal("train stop-one ", line.Text);
    }

    [Fact]
    public void AWordInTheMiddleIsCompletedInItsPlace()
    {
        var line = new EditedLine();
        line.Set("train sh fashion");
        line.MoveTo("train sh".Length);
        Assert.True(line.Complete(["show"]));
        Assert.Equal("train show  fashion", line.Text);
        Assert.Equal("train show ".Length, line.Cursor);
    }

    [Fact]
    public void KeysChangeTheLineAtTheCursor()
    {
        var line = new EditedLine();
        line.Insert("cluster shows");
        line.DeleteBack();
        line.MoveTo(0);
        line.DeleteBack();
        line.DeleteForward();
        Assert.Equal("luster show", line.Text);
        line.MoveTo(99);
        line.DeleteForward();
        line.DeleteWord();
        Assert.Equal(("luster ", 7), (line.Text, line.Cursor));
        line.MoveTo(3);
        line.DeleteToEnd();
        Assert.Equal("lus", line.Text);
        line.DeleteToStart();
        Assert.Equal(("", 0), (line.Text, line.Cursor));
    }

    [Fact]
    public void HistoryIsWalkedAndTheDraftKept()
    {
        var history = new History(["one", "two"], file: null);
        history.Begin();
        Assert.Equal("two", history.Before("draft"));
        Assert.Equal("one", history.Before("two"));
        Assert.Equal("one", history.Before("one"));
        Assert.Equal("two", history.After("one"));
        Assert.Equal("draft", history.After("two"));
        Assert.Equal("draft", history.After("draft"));
        history.Add("two");
        history.Add(" ");
        history.Begin();
        Assert.Equal("two", history.Before(""));
        Assert.Equal("one", history.Before("two"));
    }

    [Fact]
    public void HistoryOutlivesTheSession()
    {
        string file = Path.GetTempFileName();
        new History([], file).Add("cluster show");
        Assert.Equal(["cluster show"], File.ReadAllLines(file));
        File.Delete(file);
    }
}
