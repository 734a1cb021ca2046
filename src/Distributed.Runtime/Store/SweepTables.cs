using Distributed.Cluster.Sweeps;

namespace Distributed.Runtime.Store;

/// <summary>Sweeps, as the decisions that made them what they are.</summary>
internal sealed class SweepTables(StoreConnection database)
{
    private static readonly TimeSpan EndedSweepsAreKept = TimeSpan.FromHours(1);

    /// <summary>
    /// The decisions of each sweep that goes on or ended lately, and of the newest however long ago
    /// it ended: what is asked of a sweep later is mostly asked of that. Oldest submission first.
    /// </summary>
    public IReadOnlyList<IReadOnlyList<SweepDecision>> Load(DateTimeOffset now)
    {
        List<string> sweeps = database.Query(
            """
            SELECT sweep FROM sweeps
            WHERE ended_at_unix_ms IS NULL OR ended_at_unix_ms >= @since
                OR submission_order = (SELECT MAX(submission_order) FROM sweeps)
            ORDER BY submission_order
            """,
            row => row.GetString(0),
            ("@since", (now - EndedSweepsAreKept).ToUnixTimeMilliseconds()));
        return [.. sweeps.Select(Decisions)];
    }

    /// <summary>All sweeps, oldest submission first.</summary>
    public IReadOnlyList<ulong> All() => database.Query(
        "SELECT sweep FROM sweeps ORDER BY submission_order",
        row => StoreJson.FromHex(row.GetString(0)));

    /// <summary>A sweep's decisions in their order; none where there is no such sweep.</summary>
    public IReadOnlyList<SweepDecision> Decisions(ulong sweep) =>
        Decisions(StoreJson.Hex(sweep));

    /// <summary>To be called within a transaction that has found the term to be current.</summary>
    public void Append(IReadOnlyList<SweepDecision> decisions, DateTimeOffset now)
    {
        foreach (SweepDecision decision in decisions)
        {
            string sweep = StoreJson.Hex(decision.Sweep);
            if (decision is SweepSubmitted)
                Submit(sweep);
            database.Execute(
                """
                INSERT INTO sweep_decisions (sweep, sequence, content)
                VALUES (@sweep, @sequence, @content)
                ON CONFLICT (sweep, sequence) DO NOTHING
                """,
                ("@sweep", sweep), ("@sequence", decision.Sequence),
                ("@content", StoreJson.Write(decision)));
            // What ends a sweep can be taken back: by more trials, or by trying one again.
            if (decision is SweepEnded)
                End(sweep, now.ToUnixTimeMilliseconds());
            else if (decision is TrialsAdded or TrialRetried)
                End(sweep, null);
        }
    }

    private void Submit(string sweep) => database.Execute(
        """
        INSERT INTO sweeps (sweep, submission_order)
        SELECT @sweep, COALESCE(MAX(submission_order), 0) + 1 FROM sweeps WHERE 1 = 1
        ON CONFLICT (sweep) DO NOTHING
        """,
        ("@sweep", sweep));

    private void End(string sweep, long? atUnixMs) => database.Execute(
        "UPDATE sweeps SET ended_at_unix_ms = @at WHERE sweep = @sweep",
        ("@sweep", sweep), ("@at", atUnixMs));

    private List<SweepDecision> Decisions(string sweep) => database.Query(
        "SELECT content FROM sweep_decisions WHERE sweep = @sweep ORDER BY sequence",
        row => StoreJson.Read<SweepDecision>(row.GetString(0)), ("@sweep", sweep));
}
