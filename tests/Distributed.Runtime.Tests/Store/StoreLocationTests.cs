using Distributed.Kernel;
using Distributed.Runtime.Store;
using Npgsql;

namespace Distributed.Runtime.Tests.Store;

public sealed class StoreLocationTests
{
    [Theory]
    [InlineData("", true)]
    [InlineData("cluster.db", true)]
    [InlineData("/runs/host=a/cluster.db", true)]
    [InlineData("./folder;a=b/cluster.db", true)]
    [InlineData("postgresql://h/d", false)]
    [InlineData("mysql://h/d", false)]
    [InlineData("Host=h;Database=d", false)]
    [InlineData("Database=d; server = h", false)]
    public void A_file_is_told_from_a_database(string location, bool isFile) =>
        Assert.Equal(isFile, StoreLocation.IsFile(location));

    [Theory]
    [InlineData("postgresql://h", "h", 5432, null, null, null)]
    [InlineData("postgresql://", "localhost", 5432, null, null, null)]
    [InlineData("postgres://u:p@h:1/d", "h", 1, "u", "p", "d")]
    [InlineData("postgresql://u@h/d", "h", 5432, "u", null, "d")]
    [InlineData("postgresql://a%40b:%3a%2F%40%25@h/d%20e", "h", 5432, "a@b", ":/@%", "d e")]
    [InlineData("postgresql://u:a@b@h/d", "h", 5432, "u", "a@b", "d")]
    [InlineData("postgresql://[::1]:7/d", "::1", 7, null, null, "d")]
    [InlineData("postgresql://[::1]", "::1", 5432, null, null, null)]
    [InlineData("postgresql:///d?host=/run/pg&port=9&user=u", "/run/pg", 9, "u", null, "d")]
    [InlineData("postgresql://%2Frun%2Fpg/d", "/run/pg", 5432, null, null, "d")]
    public void A_url_says_what_libpq_says(
        string url, string host, int port, string? user, string? password,
        string? database)
    {
        NpgsqlConnectionStringBuilder settings = PostgresUrl.Read(url);
        Assert.Equal(
            (host, port, user, password, database),
            (settings.Host, settings.Port, settings.Username, settings.Password,
                settings.Database));
    }

    [Theory]
    [InlineData("disable", SslMode.Disable)]
    [InlineData("prefer", SslMode.Prefer)]
    [InlineData("require", SslMode.Require)]
    [InlineData("verify-ca", SslMode.VerifyCA)]
    [InlineData("verify-full", SslMode.VerifyFull)]
    public void Modes_of_encryption_have_libpqs_names(string text, SslMode mode) => Assert.Equal(
        mode, PostgresUrl.Read($"postgresql://h/d?application_name=a&sslmode={text}").SslMode);

    [Theory]
    [InlineData("mysql://u:secret@h/d", "its scheme is not known")]
    [InlineData("postgresql://u:secret@h:x/d", "its port is no number from 1 to 65535")]
    [InlineData("postgresql://u:secret@h:0/d", "its port is no number from 1 to 65535")]
    [InlineData("postgresql://u:secret@h/d?sslmode=maybe", "its sslmode has a")]
    [InlineData("postgresql://u:secret@h/d?pooling=true", "a parameter of it is none of host")]
    [InlineData("postgresql://u:a?secret=1@h/d", "its port is no number from 1 to 65535")]
    [InlineData("Host=h;Password=a;secret=b", "a connection string that cannot be read")]
    [InlineData("postgresql://u:secret@[::1/d", "its address in brackets does not end")]
    [InlineData("Host=h;Password=secret;Port=x", "a connection string that cannot be read")]
    [InlineData("Host=h;Password=secret;Colour=red", "a connection string that cannot be read")]
    public void What_cannot_be_read_is_refused_without_the_password(string location, string why)
    {
        var refused = Assert.Throws<OperatingException>(() => StoreLocation.Dialect(location));
        Assert.Contains(why, refused.Message, StringComparison.Ordinal);
        Assert.Contains(": expected ", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", refused.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_database_is_named_without_its_password() => Assert.Equal(
        "postgresql://u%40x@h:77/d",
        StoreLocation.Dialect("Host=h;Port=77;Username=u@x;Password=secret;Database=d").Name);
}
