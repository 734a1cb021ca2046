using System.Runtime.Versioning;
using Distributed.Cluster.Configuration;
using Distributed.Kernel;
using Distributed.Runtime.Security;
using FsCheck.Xunit;

namespace Distributed.Runtime.Tests.Security;

/// <summary>
/// Goal: a token comes from a file that is its owner's alone or from the environment, is long
/// enough, and nothing else passes for it.
/// </summary>
[UnsupportedOSPlatform("windows")]
public sealed class AccessTokenTests : IDisposable
{
    private const string Text = "0123456789abcdef0123456789abcdef";

    private readonly string _folder = Directory.CreateTempSubdirectory("token-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void AFileIsReadWithoutItsLineEnd()
    {
        var token = AccessToken.Load(FileOf(Text + "\n", UnixFileMode.UserRead));
        Assert.True(token.IsIn($"Bearer {Text}"));
        Assert.True(token.IsIn($"bearer {Text}"));
    }

    [Theory]
    [InlineData(UnixFileMode.OtherRead, "can be read by other users")]
    [InlineData(UnixFileMode.GroupWrite, "can be changed by other users")]
    [InlineData(UnixFileMode.OtherWrite, "can be changed by other users")]
    public void AFileThatOthersHoldIsRefused(UnixFileMode mode, string why)
    {
        var path = FileOf(Text, UnixFileMode.UserRead | UnixFileMode.UserWrite | mode);
        var refused = Assert.Throws<OperatingException>(() => AccessToken.Load(path));
        Assert.Contains(why, refused.Message, StringComparison.Ordinal);
        Assert.Contains($"chmod 600 {path}", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("0123456789abcdef0123456789abcde")]
    [InlineData("0123456789abcdef 0123456789abcdef")]
    [InlineData("0123456789abcdef\n0123456789abcdef")]
    [InlineData("0123456789abcdef0123456789abcdeü")]
    public void WhatIsNoTokenIsRefusedWithoutBeingShown(string text)
    {
        var path = FileOf(text, UnixFileMode.UserRead);
        var refused = Assert.Throws<OperatingException>(() => AccessToken.Load(path));
        Assert.Contains(path, refused.Message, StringComparison.Ordinal);
        Assert.Contains("expected 32 to", refused.Message, StringComparison.Ordinal);
        if (text.Length > 0)
            Assert.DoesNotContain(text, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AMissingFileIsNamed() => Assert.Contains(
        "/nowhere/token",
        Assert.Throws<OperatingException>(() => AccessToken.Load("/nowhere/token")).Message,
        StringComparison.Ordinal);

    [Fact]
    public void TheEnvironmentWinsOverTheFile()
    {
        var settings = new SecuritySettings { TokenFile = "/nowhere/token" };
        var security = RpcSecurity.Load(settings, Text);
        Assert.Null(security.Refusal($"Bearer {Text}"));
        Assert.Throws<OperatingException>(() => RpcSecurity.Load(settings, ""));
        Assert.Same(RpcSecurity.None, RpcSecurity.Load(new SecuritySettings(), null));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData(Text)]
    [InlineData("Bearer")]
    [InlineData("Bearer ")]
    [InlineData("Basic " + Text)]
    [InlineData("Bearer " + Text + "0")]
    [InlineData("Bearer  " + Text)]
    [InlineData("Bearer 0123456789ABCDEF0123456789abcdef")]
    public void NothingElsePasses(string? header)
    {
        var security = Tokens.With(Text);
        Assert.NotNull(security.Refusal(header));
        Assert.DoesNotContain(Text, security.Refusal(header)!, StringComparison.Ordinal);
    }

    [Property]
    public void NoOtherTextIsTheToken(string? text) =>
        Assert.Equal(text == Text, AccessToken.Parse(Text, "the test").Matches(text));

    [Fact]
    public void DrawnTokensAreGoodAndDiffer()
    {
        var drawn = Enumerable.Range(0, 100).Select(_ => AccessToken.Draw()).ToHashSet();
        Assert.Equal(100, drawn.Count);
        Assert.All(drawn, text => AccessToken.Parse(text, "the test"));
    }

    /// <summary>The cookie must not give the token away, and must end with it.</summary>
    [Fact]
    public void ASessionIsTheTokensAloneAndDoesNotHoldIt()
    {
        var token = AccessToken.Parse(Text, "the test");
        Assert.DoesNotContain(Text, token.Session, StringComparison.OrdinalIgnoreCase);
        Assert.True(token.MatchesSession(token.Session));
        Assert.False(token.MatchesSession(Text));
        Assert.False(token.Matches(token.Session));
        Assert.False(
            AccessToken.Parse(Text + "1", "the test").MatchesSession(token.Session));
    }

    private string FileOf(string text, UnixFileMode mode)
    {
        var path = Path.Combine(_folder, "token");
        File.WriteAllText(path, text);
        File.SetUnixFileMode(path, mode);
        return path;
    }
}
