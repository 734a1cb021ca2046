using System.Runtime.Versioning;
using Distributed.Cluster.Configuration;
using Distributed.Kernel;
using Distributed.Runtime.Security;

namespace Distributed.Runtime.Tests.Security;

/// <summary>Goal: what is wrong with a file is said at the start, with the file's name.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class TlsFilesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("tls-").FullName;
    private readonly TestAuthority _authority = new();

    public void Dispose()
    {
        _authority.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void GoodFilesAreTaken() =>
        Assert.True(Load(_authority.WriteFiles(_folder, _authority.Issue())).HasTls);

    [Theory]
    [InlineData("node.pem", "security.tls.certificate")]
    [InlineData("authority.pem", "security.tls.authority")]
    [InlineData("node.key", "security.tls.key")]
    public void ABadFileIsNamed(string file, string key)
    {
        var files = _authority.WriteFiles(_folder, _authority.Issue());
        var path = Path.Combine(_folder, file);
        foreach (var spoil in new Action[]
        {
            () => File.WriteAllText(path, "no PEM"),
            () => File.WriteAllText(
                path,
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
            () => File.Delete(path),
        })
        {
            spoil();
            var refused = Assert.Throws<OperatingException>(() => Load(files));
            Assert.Contains(path, refused.Message, StringComparison.Ordinal);
            Assert.Contains(key, refused.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void AKeyThatOthersCanReadIsRefused()
    {
        var files = _authority.WriteFiles(_folder, _authority.Issue());
        File.SetUnixFileMode(files.Key, UnixFileMode.UserRead | UnixFileMode.OtherRead);
        var refused = Assert.Throws<OperatingException>(() => Load(files));
        Assert.Contains($"chmod 600 {files.Key}", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void TheKeyOfAnotherCertificateIsRefused()
    {
        var files = _authority.WriteFiles(_folder, _authority.Issue());
        var certificate = File.ReadAllText(files.Certificate);
        _authority.WriteFiles(_folder, _authority.Issue());
        File.WriteAllText(files.Certificate, certificate);
        var refused = Assert.Throws<OperatingException>(() => Load(files));
        Assert.Contains(files.Key, refused.Message, StringComparison.Ordinal);
        Assert.Contains(files.Certificate, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void WhatEveryPeerWouldRefuseIsRefusedHere()
    {
        using var other = new TestAuthority("another");
        foreach (var (certificate, why) in new[]
        {
            (_authority.Issue(validDays: -1), "expired on"),
            (other.Issue(), "does not lead to an authority"),
        })
        {
            var refused = Assert.Throws<OperatingException>(
                () => Load(_authority.WriteFiles(_folder, certificate)));
            Assert.Contains(why, refused.Message, StringComparison.Ordinal);
            Assert.Contains("node.pem", refused.Message, StringComparison.Ordinal);
        }
    }

    private static RpcSecurity Load(TlsSettings files) =>
        RpcSecurity.Load(new SecuritySettings { Tls = files }, tokenVariable: null);
}
