using Distributed.Cluster.Coordination;
using Distributed.Cluster.Sweeps;

namespace Distributed.Runtime.Tests.Store;

/// <summary>One coordinator's store, asked one thing after another.</summary>
internal sealed class StoreClient(IClusterStore store, IAsyncDisposable owner) : IAsyncDisposable
{
    private const int AttemptsMax = 60;

    private readonly AnswerProbe _probe = new();

    public IClusterStore Store => store;

    public ValueTask DisposeAsync() => owner.DisposeAsync();

    /// <summary>
    /// The answer of a call that is made again for as long as the store is kept busy by others, as
    /// an actor makes it.
    /// </summary>
    public static async Task<object> UntilServedAsync(Func<Task<object>> call)
    {
        object answer = await call();
        for (int attempt = 1; answer is StoreFailed && attempt < AttemptsMax; attempt++)
            answer = await call();
        return answer;
    }

    public Task<object> ReadAsync()
    {
        store.ReadLease(_probe);
        return _probe.NextAsync();
    }

    public async Task<Lease> LeaseAsync() =>
        Assert.IsType<LeaseRead>(await UntilServedAsync(ReadAsync)).Lease;

    public Task<object> TakeAsync(CoordinatorIdentity holder, Lease seen)
    {
        store.TakeLease(holder, seen, _probe);
        return _probe.NextAsync();
    }

    /// <summary>Takes the lease as it is; returns the new term.</summary>
    public async Task<long> TakeAsync(CoordinatorIdentity holder) =>
        Assert.IsType<LeaseTaken>(await UntilServedAsync(
            async () => await TakeAsync(holder, await LeaseAsync()))).Term;

    public Task<object> RenewAsync(long term)
    {
        store.RenewLease(term, _probe);
        return _probe.NextAsync();
    }

    public Task<object> AppendAsync(long term, JobDecision decision)
    {
        store.Append(term, decision, _probe);
        return _probe.NextAsync();
    }

    /// <summary>Appends what must be taken.</summary>
    public async Task KeepAsync(long term, params JobDecision[] decisions)
    {
        foreach (JobDecision decision in decisions)
            Assert.Equal(new Appended(decision), await AppendAsync(term, decision));
    }

    public Task<object> AskForJobsAsync()
    {
        store.LoadJobs(_probe);
        return _probe.NextAsync();
    }

    public async Task<IReadOnlyList<StoredJob>> JobsAsync() =>
        Assert.IsType<JobsLoaded>(await UntilServedAsync(AskForJobsAsync)).Jobs;

    public Task<object> AppendSweepAsync(long term, params SweepDecision[] decisions)
    {
        store.AppendSweep(term, decisions, _probe);
        return _probe.NextAsync();
    }

    /// <summary>Appends what must be taken, all of it or nothing.</summary>
    public async Task KeepSweepAsync(long term, params SweepDecision[] decisions) => Assert.Equal(
        new SweepAppended(decisions[^1].Sweep, decisions[^1].Sequence),
        await AppendSweepAsync(term, decisions));

    public async Task<IReadOnlyList<IReadOnlyList<SweepDecision>>> SweepsAsync() =>
        Assert.IsType<JobsLoaded>(await UntilServedAsync(AskForJobsAsync)).Sweeps;
}
