using System.Data;
using Distributed.Kernel;
using Microsoft.Data.Sqlite;

namespace Distributed.Runtime.Store;

/// <summary>
/// A store in an SQLite file. It is in WAL mode, which needs a disk of this machine: no network
/// file system shares memory. Every commit waits until the disk has it (synchronous = FULL).
/// </summary>
internal sealed class SqliteDialect(string path) : IStoreDialect
{
    private const int CreatingPatienceSeconds = 30;
    private const int PatienceSeconds = 1;

    /// <summary>
    /// Makes transactions BEGIN IMMEDIATE: who gets in is alone until it commits, so that what it
    /// has read stays true. Others wait, for a second at most: a lease is not kept by waiting.
    /// </summary>
    private const IsolationLevel Alone = IsolationLevel.Serializable;

    public string Name => path;

    /// <summary>SQLite locks no rows; transactions are alone anyway.</summary>
    public string LockClause => "";

    public StoreConnection Open(bool create)
    {
        if (create)
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        int patienceSeconds = create ? CreatingPatienceSeconds : PatienceSeconds;
        var settings = new SqliteConnectionStringBuilder
        {
            DataSource = path,
            Mode = create ? SqliteOpenMode.ReadWriteCreate : SqliteOpenMode.ReadWrite,
            ForeignKeys = true,
            Pooling = false,
            DefaultTimeout = patienceSeconds,
        };
        var connection = new SqliteConnection(settings.ConnectionString);
        try
        {
            connection.Open();
            using SqliteCommand prepare = connection.CreateCommand();
            prepare.CommandText =
                $"""
                PRAGMA busy_timeout = {patienceSeconds * 1000};
                PRAGMA journal_mode = WAL;
                PRAGMA synchronous = FULL;
                """;
            prepare.ExecuteNonQuery();
            return new StoreConnection(connection, Alone);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    public string Explain(Exception failure)
    {
        if (failure is OperatingException)
            return failure.Message;
        string expectation = (failure as SqliteException)?.SqliteErrorCode switch
        {
            SQLitePCL.raw.SQLITE_BUSY or SQLitePCL.raw.SQLITE_LOCKED =>
                "expected it free within a second; end whatever else keeps the file locked",
            SQLitePCL.raw.SQLITE_FULL => "expected room on its disk; free some",
            SQLitePCL.raw.SQLITE_READONLY or SQLitePCL.raw.SQLITE_PERM =>
                "expected a file that can be written; change its permissions, or those of its "
                + "folder",
            SQLitePCL.raw.SQLITE_CANTOPEN =>
                "expected a file that can be opened; bring it back, or check its folder's "
                + "permissions",
            SQLitePCL.raw.SQLITE_NOTADB =>
                "expected an SQLite database; give another path, or move that file away",
            SQLitePCL.raw.SQLITE_CORRUPT =>
                "expected an undamaged SQLite database; restore it from a backup, or move it away "
                + "and submit the jobs again",
            SQLitePCL.raw.SQLITE_IOERR => "expected a disk that works; check it",
            _ => "expected a cluster store that can be read and written; check the file",
        };
        string cause = failure.Message.ReplaceLineEndings(" ").TrimEnd('.', ' ');
        return $"the cluster store {path} failed ({cause}): {expectation}";
    }
}
