using System.Globalization;
using FsCheck.Xunit;

namespace Distributed.Kernel.Tests;

/// <summary>
/// Goal: nothing that others have named acts on a terminal or a page: it is seen instead.
/// </summary>
public sealed class ShownTests
{
    [Theory]
    [InlineData("w0", "w0")]
    [InlineData("größer 日本 🙂 %s <b> \\n", "größer 日本 🙂 %s <b> \\n")]
    [InlineData("a\nb\r\n\tc", "a\\nb\\r\\n\\tc")]
    [InlineData("\u001b[2J\u001b]0;title\a", "\\u001b[2J\\u001b]0;title\\u0007")]
    [InlineData("\u009b31m", "\\u009b31m")]
    [InlineData("a\0b\b\u007f", "a\\u0000b\\u0008\\u007f")]
    [InlineData("user\u202egnp.exe", "user\\u202egnp.exe")]
    [InlineData("\u2066a\u2069\u200f\u061c", "\\u2066a\\u2069\\u200f\\u061c")]
    [InlineData("a\u2028b\u2029c\u0085d", "a\\u2028b\\u2029c\\u0085d")]
    [InlineData("\ufeffa\u200bb\u00adc", "\\ufeffa\\u200bb\\u00adc")]
    [InlineData("\U000e0041", "\\udb40\\udc41")]
    [InlineData("👩\u200d🚀", "👩\u200d🚀")]
    public void HostileNamesAreSeen(string name, string shown) =>
        Assert.Equal(shown, Shown.Line(name));

    /// <summary>Not as test data: xunit would not hand half a pair over.</summary>
    [Fact]
    public void HalvesOfPairsAreSeen()
    {
        Assert.Equal("a\\ud800b", Shown.Line("a\ud800b"));
        Assert.Equal("\\udc00", Shown.Line("\udc00"));
        Assert.Equal("🙂\\ud83d", Shown.Line("🙂\ud83d"));
    }

    [Theory]
    [InlineData("a\nb\tc", "a\nb\tc")]
    [InlineData("a\r\nb\rc\u001b", "a\nb\\rc\\u001b")]
    public void SeveralLinesKeepTheirBreaks(string text, string shown) =>
        Assert.Equal(shown, Shown.Lines(text));

    [Fact]
    public void WhatNeedsNoEscapeIsNotCopied()
    {
        const string text = "generation 2 from step 119: w0 (w1 left)";
        Assert.Same(text, Shown.Line(text));
    }

    [Property]
    public void NothingActiveIsEverLeft(char[] letters)
    {
        string text = new(letters);
        Assert.DoesNotContain(Shown.Line(text), IsActive);
        Assert.DoesNotContain(Shown.Lines(text).Where(letter => letter is not ('\n' or '\t')),
            IsActive);
        Assert.Equal(Shown.Line(text), Shown.Line(Shown.Line(text)));
    }

    /// <summary>Every single character, those that a generator seldom draws included.</summary>
    [Fact]
    public void NoCharacterIsLeftOut()
    {
        for (int letter = 0; letter <= char.MaxValue; letter++)
        {
            string shown = Shown.Line($"a{(char)letter}b");
            Assert.DoesNotContain(shown, IsActive);
        }
    }

    private static bool IsActive(char letter) =>
        letter is < ' ' or (>= '\u007f' and <= '\u009f') or '\u061c' or '\u200e' or '\u200f'
            or (>= '\u2028' and <= '\u202e') or (>= '\u2066' and <= '\u2069')
        || CharUnicodeInfo.GetUnicodeCategory(letter) == UnicodeCategory.Control;
}
