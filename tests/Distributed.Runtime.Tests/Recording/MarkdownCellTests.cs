using Distributed.Runtime.Recording;

namespace Distributed.Runtime.Tests.Recording;

/// <summary>Goal: what others named is a cell of a table and nothing else.</summary>
public sealed class MarkdownCellTests
{
    [Theory]
    [InlineData("cat", "cat")]
    [InlineData("a\n| b |", @"a\\n\| b \|")]
    [InlineData("<img src=x>", "&lt;img src=x&gt;")]
    [InlineData("&lt;b&gt;", "&amp;lt;b&amp;gt;")]
    [InlineData("![x](http://y)", @"\!\[x\]\(http://y\)")]
    [InlineData("a_b*c`d`", @"a\_b\*c\`d\`")]
    [InlineData("\u001b[2J\u202e", @"\\u001b\[2J\\u202e")]
    public void ItIsSeenAsItIs(string text, string cell) =>
        Assert.Equal(cell, MarkdownCell.Of(text));
}
