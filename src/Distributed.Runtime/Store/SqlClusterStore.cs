using System.Data.Common;
using System.Diagnostics;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Threading.Channels;
using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;
using Distributed.Cluster.Sweeps;
using Distributed.Kernel;
using Distributed.Runtime.Metrics;

namespace Distributed.Runtime.Store;

/// <summary>
/// The store that a cluster's coordinators share: an SQLite file where they run on one machine, a
/// PostgreSQL database where they run on several. Calls come from any thread; one task serves them,
/// in their order, each as one short transaction. One that fails is answered by
/// <see cref="StoreFailed"/>, may be repeated, and the next one opens a new connection. A holder on
/// this host whose process has ended is known to be gone.
/// </summary>
internal sealed class SqlClusterStore : IClusterStore, IAsyncDisposable
{
    private readonly IStoreDialect _dialect;
    private readonly string _host;
    private readonly TimeProvider _clock;
    private readonly StoreMetrics? _metrics;
    // One that is made for a single reader cannot tell how much it holds.
    private readonly Channel<Call> _calls = Channel.CreateUnbounded<Call>();

    private readonly Task _serving;
    private StoreConnection? _connection;

    private SqlClusterStore(
        IStoreDialect dialect, string host, TimeProvider clock, StoreMetrics? metrics)
    {
        _metrics = metrics;
        _dialect = dialect;
        _host = host;
        _clock = clock;
        _serving = Task.Run(ServeAsync);
    }

    /// <summary>
    /// Connects, and brings the schema up to date. A file is created, with its folder, where there
    /// is none; a PostgreSQL database must be there.
    /// </summary>
    /// <param name="location">A file on a disk of this machine, or the URL or connection string of
    /// a PostgreSQL database.</param>
    /// <param name="host">This machine, as it is named in
    /// <see cref="CoordinatorIdentity.Host"/>.</param>
    /// <param name="clock">Tells when jobs ended.</param>
    /// <param name="metrics">Takes how long calls last; null where nobody asks.</param>
    /// <exception cref="OperatingException">The store cannot be opened, is no database, or was
    /// written by a newer program.</exception>
    public static Task<SqlClusterStore> OpenAsync(
        string location, string host, TimeProvider clock, StoreMetrics? metrics = null) =>
        Task.Run(() =>
    {
        IStoreDialect dialect = StoreLocation.Dialect(location);
        try
        {
            using StoreConnection database = dialect.Open(create: true);
            StoreSchema.Migrate(database, dialect.Name, StoreSchema.Migrations);
            return new SqlClusterStore(dialect, host, clock, metrics);
        }
        catch (Exception failure) when (IsOperating(failure))
        {
            throw new OperatingException(dialect.Explain(failure), inner: failure);
        }
    });

    public void ReadLease(IActorRef replyTo) =>
        Post(new Call(
            "read-lease", replyTo, null, database => Lease(database).Read(_host)));

    public void TakeLease(CoordinatorIdentity holder, Lease seen, IActorRef replyTo) =>
        Post(new Call("take-lease", replyTo, null, database => database.Transact<object>(() =>
        {
            LeaseTable lease = Lease(database);
            return lease.Lock() == seen
                ? new LeaseTaken(lease.Take(holder, seen))
                : lease.Read(_host);
        })));

    public void RenewLease(long term, IActorRef replyTo) =>
        Post(new Call("renew-lease", replyTo, null, database => database.Transact<object>(() =>
        {
            LeaseTable lease = Lease(database);
            return lease.Renew(term) ? new LeaseRenewed(term) : lease.Read(_host);
        })));

    public void ReturnLease(long term) =>
        Post(new Call("return-lease", null, null, database => database.Transact(() =>
        {
            Lease(database).Return(term);
            return database;
        })));

    public void LoadJobs(IActorRef replyTo) => Post(new Call(
        "load-jobs", replyTo, null, database => Load(database, _clock.GetUtcNow())));

    public void Append(long term, JobDecision decision, IActorRef replyTo)
    {
        Invariant.Check(
            decision is not JobConcluded concluded
                || concluded.Outcome is RunCompleted or RunInterrupted or RunFailed,
            "a job's outcome is RunCompleted, RunInterrupted or RunFailed");
        Post(new Call("append-job", replyTo, decision, database => database.Transact<object>(() =>
        {
            Lease lease = Lease(database).Lock();
            if (lease.Term != term)
                return new AppendRefused(decision, lease);
            new JobTables(database).Append(term, decision, _clock.GetUtcNow());
            return new Appended(decision);
        })));
    }

    public void AppendSweep(
        long term, IReadOnlyList<SweepDecision> decisions, IActorRef replyTo) =>
        Post(new Call("append-sweep", replyTo, null, database => database.Transact<object>(() =>
        {
            Lease lease = Lease(database).Lock();
            SweepDecision last = decisions[^1];
            if (lease.Term != term)
                return new SweepAppendRefused(last.Sweep, lease);
            new SweepTables(database).Append(decisions, _clock.GetUtcNow());
            return new SweepAppended(last.Sweep, last.Sequence);
        })));

    /// <summary>Serves the calls that were made before, then disconnects.</summary>
    public async ValueTask DisposeAsync()
    {
        _calls.Writer.TryComplete();
        await _serving;
    }

    private static JobsLoaded Load(StoreConnection database, DateTimeOffset now)
    {
        var tables = new JobTables(database);
        var jobs = tables.Load(now).ToList();
        IReadOnlyList<IReadOnlyList<SweepDecision>> sweeps = new SweepTables(database).Load(now);
        var known = jobs.Select(job => job.Job).ToHashSet();
        foreach (ulong number in sweeps.SelectMany(
            decisions => SweepState.Of(decisions).JobsUnderWay()))
        {
            if (!known.Contains(number) && tables.Find(number) is { } job)
                jobs.Add(job);
        }

        return new JobsLoaded(jobs, sweeps);
    }

    private void Post(Call call)
    {
        if (!_calls.Writer.TryWrite(call))
        {
            call.ReplyTo?.Tell(new StoreFailed(
                call.Decision,
                $"the cluster store {_dialect.Name} is closed: expected no call after that; start "
                + "the coordinator again"));
        }
    }

    private async Task ServeAsync()
    {
        try
        {
            await foreach (Call call in _calls.Reader.ReadAllAsync())
            {
                long started = Stopwatch.GetTimestamp();
                object answer = Answer(call);
                _metrics?.Called(call.Operation, started, answer is not StoreFailed);
                call.ReplyTo?.Tell(answer);
            }
        }
        finally
        {
            _calls.Writer.TryComplete();
            _connection?.Dispose();
        }
    }

    private object Answer(Call call)
    {
        try
        {
            // A store that has gone is not made anew: it held what others were told is durable.
            _connection ??= _dialect.Open(create: false);
            return call.Act(_connection);
        }
        catch (Exception failure) when (IsOperating(failure))
        {
            _connection?.Dispose();
            _connection = null;
            return new StoreFailed(call.Decision, _dialect.Explain(failure));
        }
    }

    private LeaseTable Lease(StoreConnection database) => new(database, _dialect.LockClause);

    private static bool IsOperating(Exception failure) => failure is
        DbException or IOException or UnauthorizedAccessException or InvalidDataException
        or SocketException or TimeoutException or AuthenticationException or OperatingException;

    /// <summary>Calls that wait for those before them.</summary>
    public int Waiting => _calls.Reader.Count;

    /// <param name="Operation">What metrics call it.</param>
    /// <param name="ReplyTo">Null for a call that is not answered.</param>
    private sealed record Call(
        string Operation, IActorRef? ReplyTo, JobDecision? Decision,
        Func<StoreConnection, object> Act);
}
