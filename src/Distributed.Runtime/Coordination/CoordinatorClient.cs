using System.Runtime.CompilerServices;
using Distributed.Cluster.Jobs;
using Distributed.Kernel;
using Distributed.Runtime.Protocol;
using Distributed.Runtime.Rpc;
using Grpc.Core;

namespace Distributed.Runtime.Coordination;

/// <summary>A command's connection to a coordinator. Thread-safe.</summary>
public sealed class CoordinatorClient(string address) : IDisposable
{
    private readonly RpcClient _client = new(address);

    /// <summary>How many workers of the cluster have no job.</summary>
    /// <exception cref="OperatingException">Nothing listens there, or it does not
    /// answer.</exception>
    public async Task<int> IdleWorkerCountAsync(CancellationToken cancellation)
    {
        GetStatusReply status = await _client.AskAsync(
            "ask for the cluster's state",
            (invoker, options) => new Protocol.Coordinator.CoordinatorClient(invoker)
                .GetStatusAsync(new GetStatusRequest(), options),
            cancellation: cancellation);
        return status.Workers.Count(worker => worker.Job == 0);
    }

    /// <summary>
    /// Submits a job and yields what happens, the outcome last. Cancellation only ends the watch.
    /// </summary>
    /// <exception cref="OperatingException">The coordinator went away before the
    /// outcome.</exception>
    public async IAsyncEnumerable<RunEvent> RunAsync(
        Cluster.Jobs.JobDescription job,
        [EnumeratorCancellation] CancellationToken cancellation)
    {
        using AsyncServerStreamingCall<JobEvent> call =
            new Protocol.Coordinator.CoordinatorClient(_client.Invoker).SubmitJob(
                new SubmitJobRequest { Description = JobCodec.ToProto(job) },
                cancellationToken: cancellation);
        bool ended = false;
        while (!ended && await MoveNextAsync(call, cancellation))
        {
            RunEvent? happened = EventCodec.FromProto(call.ResponseStream.Current);
            if (happened is null)
                continue;
            ended = happened is Cluster.Jobs.RunCompleted or Cluster.Jobs.RunInterrupted
                or Cluster.Jobs.RunFailed;
            yield return happened;
        }

        if (!ended)
        {
            throw new OperatingException(
                $"the coordinator at {address} ended the stream before the run's outcome; see its "
                + "log, then go on with --resume");
        }
    }

    /// <summary>
    /// Asks for an agreed stop with the state saved; false where the job is not known.
    /// </summary>
    public async Task<bool> StopAsync(ulong job, string reason, CancellationToken cancellation)
    {
        StopJobReply reply = await _client.AskAsync(
            "stop the run",
            (invoker, options) => new Protocol.Coordinator.CoordinatorClient(invoker)
                .StopJobAsync(new StopJobRequest { Job = job, Reason = reason }, options),
            cancellation: cancellation);
        return reply.Found;
    }

    public void Dispose() => _client.Dispose();

    private async Task<bool> MoveNextAsync(
        AsyncServerStreamingCall<JobEvent> call, CancellationToken cancellation)
    {
        try
        {
            return await call.ResponseStream.MoveNext(cancellation);
        }
        catch (RpcException failure) when (!cancellation.IsCancellationRequested)
        {
            throw RpcErrors.Explain(failure, address, "run the job", TimeSpan.Zero);
        }
    }
}
