using System.Data;
using System.Globalization;
using System.Net.Sockets;
using System.Security.Authentication;
using Distributed.Kernel;
using Npgsql;

namespace Distributed.Runtime.Store;

/// <summary>
/// A store in a PostgreSQL database, for coordinators on several machines. The database must be
/// there; its tables are made. Where the URL has no password, Npgsql looks for PGPASSWORD and
/// ~/.pgpass.
/// </summary>
internal sealed class PostgresDialect : IStoreDialect
{
    private const int CreatingPatienceSeconds = 30;
    private const int PatienceSeconds = 1;

    /// <summary>For what does not wait for others, but for the network and the disk.</summary>
    private const int AnswerSeconds = 2;

    /// <summary>Any number that is the same for all of this program.</summary>
    private const long MigrationLock = 0x6469_7374_7269_6275;

    /// <summary>
    /// Enough, because every transaction that writes locks the lease's one row before it reads
    /// anything else. Who had to wait for that row gets it as the other one left it, and each later
    /// statement sees all that was committed before the statement began: with everybody else shut
    /// out, that is one state. Stricter levels would only add failures that must be repeated.
    /// </summary>
    private const IsolationLevel Level = IsolationLevel.ReadCommitted;

    private readonly string _settings;
    private readonly string _database;

    /// <param name="settings">Where the database is; time-outs and pooling are set here.</param>
    public PostgresDialect(NpgsqlConnectionStringBuilder settings)
    {
        settings.Pooling = false; // a pool would hand out connections that have broken meanwhile
        settings.Enlist = false;
        settings.Timeout = AnswerSeconds;
        settings.CancellationTimeout = -1;
        settings.ApplicationName ??= "distributed";
        settings.PersistSecurityInfo = false;
        settings.IncludeErrorDetail = false;
        _settings = settings.ConnectionString;
        _database = settings.Database ?? settings.Username ?? "";
        string user = settings.Username is { } name ? Uri.EscapeDataString(name) + "@" : "";
        Name = string.Create(
            CultureInfo.InvariantCulture,
            $"postgresql://{user}{settings.Host}:{settings.Port}/{settings.Database}");
    }

    public string Name { get; }

    public string LockClause => " FOR UPDATE";

    public StoreConnection Open(bool create)
    {
        int patienceSeconds = create ? CreatingPatienceSeconds : PatienceSeconds;
        int answerSeconds = create ? CreatingPatienceSeconds : AnswerSeconds;
        // The server gives up first, so that a statement that took too long is known to be undone.
        var settings = new NpgsqlConnectionStringBuilder(_settings)
        {
            CommandTimeout = answerSeconds + 1,
        };
        var connection = new NpgsqlConnection(settings.ConnectionString);
        try
        {
            connection.Open();
            Execute(connection, Preparation(patienceSeconds, answerSeconds));
            // Held until the connection ends, and by one only.
            if (create)
                Execute(connection, $"SELECT pg_advisory_lock({MigrationLock})");
            return new StoreConnection(connection, Level);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Time-outs of the server's own also let go of the lease's row when a coordinator stands still
    /// or is cut off within a transaction. Every commit waits until the disk has it.
    /// </summary>
    private static string Preparation(int patienceSeconds, int answerSeconds) =>
        $"""
        SET lock_timeout = '{patienceSeconds}s';
        SET statement_timeout = '{answerSeconds}s';
        SET idle_in_transaction_session_timeout = '{answerSeconds}s';
        SELECT set_config('synchronous_commit', 'on', false)
        WHERE current_setting('synchronous_commit') = 'off'
        """;

    private static void Execute(NpgsqlConnection connection, string sql)
    {
        using NpgsqlCommand command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    public string Explain(Exception failure)
    {
        if (failure is OperatingException)
            return failure.Message;
        string cause = (failure as PostgresException)?.MessageText ?? failure.Message;
        return $"the cluster store {Name} failed "
            + $"({cause.ReplaceLineEndings(" ").TrimEnd('.', ' ')}): {Expectation(failure)}";
    }

    private string Expectation(Exception failure) => failure switch
    {
        PostgresException refused => Expectation(refused.SqlState),
        _ when failure.Message.Contains("password", StringComparison.Ordinal) =>
            "expected a password; give it in the URL, in PGPASSWORD or in ~/.pgpass",
        { InnerException: AuthenticationException } or AuthenticationException =>
            "expected an encrypted connection that can be trusted; check the server's certificate "
            + "and the URL's sslmode",
        { InnerException: TimeoutException } or TimeoutException =>
            "expected an answer within seconds; check that the server runs, its load, and the "
            + "network",
        { InnerException: SocketException or IOException } or SocketException or IOException =>
            "expected a PostgreSQL server that answers there; start it, or correct host and port "
            + "in coordination.store",
        _ => Expectation(""),
    };

    /// <summary>By PostgreSQL's error codes (its manual, appendix A).</summary>
    private string Expectation(string sqlState) => sqlState switch
    {
        PostgresErrorCodes.InvalidPassword =>
            "expected the user's password; correct it in the URL, in PGPASSWORD or in ~/.pgpass",
        PostgresErrorCodes.InvalidAuthorizationSpecification =>
            "expected a user that the server lets in from here; check the URL's user and the "
            + "server's pg_hba.conf",
        PostgresErrorCodes.InvalidCatalogName =>
            $"expected a database that is there; create it with `createdb {_database}`, or name "
            + "another one",
        PostgresErrorCodes.ReadOnlySqlTransaction =>
            "expected a database that can be written; name the primary server, not a standby, and "
            + "see default_transaction_read_only",
        PostgresErrorCodes.TooManyConnections =>
            "expected room for one connection per coordinator; end others, or raise the server's "
            + "max_connections or the limit of the user or database",
        PostgresErrorCodes.InsufficientPrivilege =>
            "expected a user who may create and write tables; let it own the database",
        PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.QueryCanceled
            or PostgresErrorCodes.DeadlockDetected =>
            "expected it free within a second; end whatever else keeps its tables locked, or see "
            + "to the server's load",
        PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown
            or PostgresErrorCodes.CannotConnectNow =>
            "expected a server that is up; wait until it has started, or start it",
        PostgresErrorCodes.DiskFull => "expected room on the server's disk; free some",
        PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.UndefinedColumn =>
            "expected the tables that were made at the start; bring the database back, or start "
            + "the coordinators again",
        PostgresErrorCodes.DataCorrupted or PostgresErrorCodes.IndexCorrupted =>
            "expected an undamaged database; restore it from a backup",
        _ => "expected a cluster store that can be read and written; see the server's log",
    };
}
