using System.Data.Common;
using Distributed.Cluster.Coordination;

namespace Distributed.Runtime.Store;

/// <summary>
/// The lease's one row. All but <see cref="Read"/> are to be called within a transaction.
/// </summary>
/// <param name="database">Its connection.</param>
/// <param name="lockClause">Ends a SELECT whose row nobody else may change before the transaction
/// ends.</param>
internal sealed class LeaseTable(StoreConnection database, string lockClause)
{
    private const string Columns =
        "term, beat, holder_name, holder_incarnation, holder_host, holder_process_id, "
        + "holder_address, holder_process_start";

    /// <summary>The lease, and whether its holder is a process of this host that has
    /// ended.</summary>
    public LeaseRead Read(string host)
    {
        (Lease lease, long? processStart) = Row("");
        bool isGone = lease.Holder is { } holder && holder.Host == host
            && HostProcess.IsGone(holder.ProcessId, processStart);
        return new LeaseRead(lease, isGone);
    }

    /// <summary>The lease as it stays until the transaction ends.</summary>
    public Lease Lock() => Row(lockClause).Lease;

    /// <summary>Returns the term that has begun.</summary>
    public long Take(CoordinatorIdentity holder, Lease seen)
    {
        database.Execute(
            """
            UPDATE lease SET term = @term, beat = @beat, holder_name = @name,
                holder_incarnation = @incarnation, holder_host = @host,
                holder_process_id = @process, holder_process_start = @start,
                holder_address = @address
            """,
            ("@term", seen.Term + 1), ("@beat", seen.Beat + 1), ("@name", holder.Name),
            ("@incarnation", StoreJson.Hex(holder.Incarnation)), ("@host", holder.Host),
            ("@process", holder.ProcessId), ("@start", HostProcess.StartTicks(holder.ProcessId)),
            ("@address", holder.Address));
        return seen.Term + 1;
    }

    /// <summary>False where another term has begun.</summary>
    public bool Renew(long term) => database.Execute(
        "UPDATE lease SET beat = beat + 1 WHERE term = @term", ("@term", term)) == 1;

    public void Return(long term) => database.Execute(
        """
        UPDATE lease SET holder_name = NULL, holder_incarnation = NULL, holder_host = NULL,
            holder_process_id = NULL, holder_process_start = NULL, holder_address = NULL
        WHERE term = @term
        """,
        ("@term", term));

    private (Lease Lease, long? ProcessStart) Row(string end) => database.Query(
        $"SELECT {Columns} FROM lease WHERE id = 1{end}",
        row => (
            new Lease(row.GetInt64(0), row.GetInt64(1), row.IsDBNull(2) ? null : Holder(row)),
            row.IsDBNull(7) ? (long?)null : row.GetInt64(7))).Single();

    private static CoordinatorIdentity Holder(DbDataReader row) => new(
        row.GetString(2), StoreJson.FromHex(row.GetString(3)), row.GetString(4), row.GetInt32(5),
        row.GetString(6));
}
