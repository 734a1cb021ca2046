using System.Data.Common;
using System.Threading.Channels;
using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;
using Distributed.Kernel;

namespace Distributed.Runtime.Store;

/// <summary>
/// The store of a cluster whose coordinators run on one machine: an SQLite file that they share.
/// Calls come from any thread; one task serves them, in their order, each as one short transaction.
/// One that fails is answered by <see cref="StoreFailed"/>, and the next one opens the file anew.
/// A holder on this host whose process has ended is known to be gone.
/// </summary>
internal sealed class SqliteClusterStore : IClusterStore, IAsyncDisposable
{
    private readonly SqliteDialect _dialect;
    private readonly string _host;
    private readonly TimeProvider _clock;
    private readonly Channel<Call> _calls = Channel.CreateUnbounded<Call>(
        new UnboundedChannelOptions { SingleReader = true });

    private readonly Task _serving;
    private StoreConnection? _connection;

    private SqliteClusterStore(SqliteDialect dialect, string host, TimeProvider clock)
    {
        _dialect = dialect;
        _host = host;
        _clock = clock;
        _serving = Task.Run(ServeAsync);
    }

    /// <summary>
    /// Opens the file, with its folder, creating them where there are none, and brings its schema
    /// up to date.
    /// </summary>
    /// <param name="path">On a disk of this machine.</param>
    /// <param name="host">This machine, as it is named in
    /// <see cref="CoordinatorIdentity.Host"/>.</param>
    /// <param name="clock">Tells when jobs ended.</param>
    /// <exception cref="OperatingException">The file cannot be opened, is no database, or was
    /// written by a newer program.</exception>
    public static Task<SqliteClusterStore> OpenAsync(
        string path, string host, TimeProvider clock) => Task.Run(() =>
    {
        var dialect = new SqliteDialect(path);
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            using StoreConnection database = dialect.Open(create: true);
            StoreSchema.Migrate(database, dialect.Name, StoreSchema.Migrations);
            return new SqliteClusterStore(dialect, host, clock);
        }
        catch (Exception failure) when (IsOperating(failure))
        {
            throw new OperatingException(dialect.Explain(failure), inner: failure);
        }
    });

    public void ReadLease(IActorRef replyTo) =>
        Post(new Call(replyTo, null, database => Lease(database).Read(_host)));

    public void TakeLease(CoordinatorIdentity holder, Lease seen, IActorRef replyTo) =>
        Post(new Call(replyTo, null, database => database.Transact<object>(() =>
        {
            LeaseTable lease = Lease(database);
            return lease.Lock() == seen
                ? new LeaseTaken(lease.Take(holder, seen))
                : lease.Read(_host);
        })));

    public void RenewLease(long term, IActorRef replyTo) =>
        Post(new Call(replyTo, null, database => database.Transact<object>(() =>
        {
            LeaseTable lease = Lease(database);
            return lease.Renew(term) ? new LeaseRenewed(term) : lease.Read(_host);
        })));

    public void ReturnLease(long term) =>
        Post(new Call(null, null, database => database.Transact(() =>
        {
            Lease(database).Return(term);
            return database;
        })));

    public void LoadJobs(IActorRef replyTo) => Post(new Call(
        replyTo, null,
        database => new JobsLoaded(new JobTables(database).Load(_clock.GetUtcNow()))));

    public void Append(long term, JobDecision decision, IActorRef replyTo)
    {
        Invariant.Check(
            decision is not JobConcluded concluded
                || concluded.Outcome is RunCompleted or RunInterrupted or RunFailed,
            "a job's outcome is RunCompleted, RunInterrupted or RunFailed");
        Post(new Call(replyTo, decision, database => database.Transact<object>(() =>
        {
            Lease lease = Lease(database).Lock();
            if (lease.Term != term)
                return new AppendRefused(decision, lease);
            new JobTables(database).Append(term, decision, _clock.GetUtcNow());
            return new Appended(decision);
        })));
    }

    /// <summary>Serves the calls that were made before, then closes the file.</summary>
    public async ValueTask DisposeAsync()
    {
        _calls.Writer.TryComplete();
        await _serving;
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
                object answer = Answer(call);
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
            // A file that has gone is not made anew: it held what others were told is durable.
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
        or OperatingException;

    /// <param name="ReplyTo">Null for a call that is not answered.</param>
    private sealed record Call(
        IActorRef? ReplyTo, JobDecision? Decision, Func<StoreConnection, object> Act);
}
