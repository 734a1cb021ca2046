using Distributed.Kernel;

namespace Distributed.Runtime.Store;

/// <summary>
/// The tables, as the list of steps that led to them: a store of an older version is brought
/// forward by the steps it lacks. Steps that were released are never edited. The SQL keeps to what
/// SQLite and PostgreSQL share. Job numbers and incarnations are 16 hexadecimal digits, as people
/// see them elsewhere: no database has an unsigned 64-bit type. Records are JSON, see
/// <see cref="StoreJson"/>; times are milliseconds since 1970, UTC.
/// </summary>
internal static class StoreSchema
{
    private const string First =
        """
        CREATE TABLE lease (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            term BIGINT NOT NULL,
            beat BIGINT NOT NULL,
            holder_name TEXT,
            holder_incarnation TEXT,
            holder_host TEXT,
            holder_process_id INTEGER,
            holder_process_start BIGINT,
            holder_address TEXT
        );
        INSERT INTO lease (id, term, beat) VALUES (1, 0, 0);
        CREATE TABLE jobs (
            job TEXT PRIMARY KEY,
            submission_order BIGINT NOT NULL UNIQUE,
            description TEXT NOT NULL,
            stop_reason TEXT,
            outcome TEXT,
            ended_at_unix_ms BIGINT
        );
        CREATE INDEX jobs_by_end ON jobs (ended_at_unix_ms);
        CREATE TABLE generations (
            job TEXT NOT NULL REFERENCES jobs (job),
            number INTEGER NOT NULL,
            term BIGINT NOT NULL,
            content TEXT NOT NULL,
            reason TEXT NOT NULL,
            numerics TEXT NOT NULL,
            steps_redone BIGINT NOT NULL,
            PRIMARY KEY (job, number)
        );
        CREATE TABLE checkpoints (
            job TEXT NOT NULL REFERENCES jobs (job),
            step BIGINT NOT NULL,
            path TEXT NOT NULL,
            PRIMARY KEY (job, step)
        );
        """;

    private const string Returns =
        """
        CREATE TABLE returns (
            job TEXT NOT NULL REFERENCES jobs (job),
            generation INTEGER NOT NULL,
            step BIGINT NOT NULL,
            ejected TEXT NOT NULL,
            reason TEXT NOT NULL,
            steps_redone BIGINT NOT NULL,
            PRIMARY KEY (job, generation)
        );
        """;

    private const string Sweeps =
        """
        CREATE TABLE sweeps (
            sweep TEXT PRIMARY KEY,
            submission_order BIGINT NOT NULL UNIQUE,
            ended_at_unix_ms BIGINT
        );
        CREATE INDEX sweeps_by_end ON sweeps (ended_at_unix_ms);
        CREATE TABLE sweep_decisions (
            sweep TEXT NOT NULL REFERENCES sweeps (sweep),
            sequence BIGINT NOT NULL,
            content TEXT NOT NULL,
            PRIMARY KEY (sweep, sequence)
        );
        """;

    private const string Orders =
        """
        ALTER TABLE jobs ADD COLUMN pause_reason TEXT;
        ALTER TABLE jobs ADD COLUMN workers INTEGER;
        """;

    /// <summary>The step at index i leads from version i to version i + 1.</summary>
    public static IReadOnlyList<string> Migrations { get; } = [First, Returns, Sweeps, Orders];

    /// <summary>Brings the store to the newest version of this program.</summary>
    /// <param name="database">An open connection.</param>
    /// <param name="name">What the store is called in a message.</param>
    /// <param name="migrations">Usually <see cref="Migrations"/>.</param>
    /// <exception cref="OperatingException">A newer program wrote it.</exception>
    public static void Migrate(
        StoreConnection database, string name, IReadOnlyList<string> migrations) =>
        database.Transact(() =>
        {
            database.Execute(
                "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY)");
            int version = database.Query(
                "SELECT COALESCE(MAX(version), 0) FROM schema_version",
                row => row.GetInt32(0)).Single();
            if (version > migrations.Count)
            {
                throw new OperatingException(
                    $"the cluster store {name} has schema version {version}: expected "
                    + $"{migrations.Count} or older; run the newer program that wrote it, or give "
                    + "another store");
            }

            for (int next = version; next < migrations.Count; next++)
            {
                database.Execute(migrations[next]);
                database.Execute(
                    "INSERT INTO schema_version (version) VALUES (@version)",
                    ("@version", next + 1));
            }

            return migrations.Count;
        });
}
