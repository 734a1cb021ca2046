using System.Text.RegularExpressions;
using Distributed.Kernel;
using Npgsql;

namespace Distributed.Runtime.Store;

/// <summary>
/// Which database `coordination.store` names: PostgreSQL where it is a URL or a connection string
/// with a Host, else an SQLite file.
/// </summary>
public static partial class StoreLocation
{
    private const string Alternatives =
        "give postgresql://USER@HOST:PORT/DATABASE, or the path of a file";

    /// <summary>Whether the store is a file of this machine.</summary>
    public static bool IsFile(string location) =>
        !IsUrl(location) && !ConnectionStringHost().IsMatch(location);

    /// <exception cref="OperatingException">It names a database that is not known, or names one in
    /// a way that cannot be read. The message holds no password.</exception>
    internal static IStoreDialect Dialect(string location)
    {
        if (IsFile(location))
            return new SqliteDialect(location);
        return new PostgresDialect(
            IsUrl(location) ? PostgresUrl.Read(location) : ReadConnectionString(location));
    }

    /// <summary>The location without its password, for people.</summary>
    internal static string Shown(string location)
    {
        if (IsFile(location))
            return location;
        NpgsqlConnectionStringBuilder parts =
            IsUrl(location) ? PostgresUrl.Read(location) : ReadConnectionString(location);
        return $"postgresql://{parts.Username}@{parts.Host}:{parts.Port}/{parts.Database}";
    }

    private static bool IsUrl(string location) =>
        location.Contains("://", StringComparison.Ordinal);

    private static NpgsqlConnectionStringBuilder ReadConnectionString(string location)
    {
        try
        {
            return new NpgsqlConnectionStringBuilder(location);
        }
        catch (Exception unreadable) when (
            unreadable is ArgumentException or FormatException or InvalidCastException
                or OverflowException)
        {
            // What is wrong may be a piece of a password with a semicolon, so it is not shown.
            throw new OperatingException(
                "coordination.store is a connection string that cannot be read: expected the words "
                + "of Npgsql's manual, such as Host=H;Username=U;Database=D, values with special "
                + $"characters in quotes; or {Alternatives}");
        }
    }

    [GeneratedRegex(@"(^|;)\s*(host|server)\s*=", RegexOptions.IgnoreCase)]
    private static partial Regex ConnectionStringHost();
}
