using System.Globalization;
using Distributed.Kernel;
using Npgsql;

namespace Distributed.Runtime.Store;

/// <summary>
/// Connection URLs as PostgreSQL's own programs take them (libpq, "Connection URIs"), of which
/// Npgsql knows only the parts. No message repeats the URL, which may hold a password.
/// </summary>
internal static class PostgresUrl
{
    private const string Form = "postgresql://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=MODE";

    private static readonly string[] Schemes = ["postgresql://", "postgres://"];

    /// <summary>libpq's names of parameters, and Npgsql's.</summary>
    private static readonly Dictionary<string, string> Keywords = new(StringComparer.Ordinal)
    {
        ["host"] = "Host",
        ["port"] = "Port",
        ["user"] = "Username",
        ["password"] = "Password",
        ["passfile"] = "Passfile",
        ["dbname"] = "Database",
        ["sslmode"] = "SSL Mode",
        ["sslrootcert"] = "Root Certificate",
        ["sslcert"] = "SSL Certificate",
        ["sslkey"] = "SSL Key",
        ["sslpassword"] = "SSL Password",
        ["gssencmode"] = "GSS Encryption Mode",
        ["application_name"] = "Application Name",
        ["options"] = "Options",
    };

    /// <exception cref="OperatingException">It is no such URL.</exception>
    public static NpgsqlConnectionStringBuilder Read(string url)
    {
        string scheme = Schemes.FirstOrDefault(
            known => url.StartsWith(known, StringComparison.OrdinalIgnoreCase))
            ?? throw Unreadable("its scheme is not known");
        (string main, string query) = Split(url[scheme.Length..], '?');
        (string authority, string database) = Split(main, '/');
        int at = authority.LastIndexOf('@');
        (string user, string password) = Split(authority[..Math.Max(at, 0)], ':');
        (string host, string port) = SplitPort(authority[(at + 1)..]);

        var settings = new NpgsqlConnectionStringBuilder();
        Set(settings, "host", host.Length > 0 ? host : "localhost");
        Set(settings, "port", port);
        Set(settings, "user", user);
        Set(settings, "password", password);
        Set(settings, "dbname", database);
        foreach (string pair in query.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            (string name, string value) = Split(pair, '=');
            Set(settings, name, value);
        }

        return settings;
    }

    private static (string Before, string After) Split(string text, char separator)
    {
        int at = text.IndexOf(separator, StringComparison.Ordinal);
        return at < 0 ? (text, "") : (text[..at], text[(at + 1)..]);
    }

    /// <summary>An IPv6 address stands in brackets, because it has colons itself.</summary>
    private static (string Host, string Port) SplitPort(string text)
    {
        if (!text.StartsWith('['))
            return Split(text, ':');
        int end = text.IndexOf(']', StringComparison.Ordinal);
        if (end < 0 || (end + 1 < text.Length && text[end + 1] != ':'))
            throw Unreadable("its address in brackets does not end");
        return (text[1..end], Split(text[(end + 1)..], ':').After);
    }

    private static void Set(NpgsqlConnectionStringBuilder settings, string name, string escaped)
    {
        if (escaped.Length == 0)
            return;
        // An unknown name may be a piece of a password that has a question mark.
        if (!Keywords.TryGetValue(name, out string? keyword))
            throw Unreadable($"a parameter of it is none of {string.Join(", ", Keywords.Keys)}");
        string value = Uri.UnescapeDataString(escaped);
        if (name == "sslmode")
            value = value.Replace("-", "", StringComparison.Ordinal);
        if (name == "port" && !IsPort(value))
            throw Unreadable("its port is no number from 1 to 65535");
        try
        {
            settings[keyword] = value;
        }
        catch (Exception refused) when (refused is ArgumentException or FormatException)
        {
            throw Unreadable($"its {name} has a value that is not known");
        }
    }

    private static bool IsPort(string text) => ushort.TryParse(
        text, NumberStyles.None, CultureInfo.InvariantCulture, out ushort port) && port > 0;

    private static OperatingException Unreadable(string why) => new(
        $"coordination.store is a URL, and {why}: expected {Form}, its special characters as "
        + "%XX; or give the path of a file");
}
