using System.Diagnostics;
using System.Runtime.CompilerServices;
using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;
using Distributed.Kernel;
using Distributed.Runtime.Protocol;
using Distributed.Runtime.Rpc;
using Distributed.Runtime.Security;
using Grpc.Core;

namespace Distributed.Runtime.Coordination;

/// <summary>
/// A command's connection to the coordinators of a cluster: finds the one that acts, and finds its
/// successor when it dies. Thread-safe.
/// </summary>
/// <param name="security">What the coordinators are shown.</param>
/// <param name="addresses">host:port of one coordinator or more.</param>
public sealed partial class CoordinatorClient(
    RpcSecurity security, params IReadOnlyList<string> addresses) : IDisposable
{
    /// <summary>How long a job is submitted again and again until a coordinator takes it.</summary>
    public static readonly TimeSpan SubmitPatience = TimeSpan.FromSeconds(30);

    /// <summary>How long a run that was accepted may be without a coordinator.</summary>
    public static readonly TimeSpan DefaultPatience = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(100);

    private readonly CoordinatorDirectory _directory = new(addresses, security);

    /// <summary>A number for what is to be submitted; never 0.</summary>
    public static ulong DrawNumber() => ProcessSeed.Draw() | 1;

    /// <summary>How many workers of the cluster have no job.</summary>
    /// <exception cref="OperatingException">No coordinator there acts.</exception>
    public async Task<int> IdleWorkerCountAsync(CancellationToken cancellation)
    {
        ClusterStatus status = await StatusAsync(cancellation);
        return status.Workers.Count(worker => worker.Job == 0 && !worker.Unreachable);
    }

    /// <summary>What the coordinator that acts knows.</summary>
    /// <exception cref="OperatingException">No coordinator there acts.</exception>
    public async Task<ClusterStatus> StatusAsync(CancellationToken cancellation)
    {
        GetStatusReply reply = await AskLeaderAsync(
            "ask for the cluster's state", isPatient: false,
            async (client, options) =>
            {
                GetStatusReply status = await client.GetStatusAsync(
                    new GetStatusRequest(), options);
                return status.Term > 0 ? status : throw Standby(status.LeaderAddress);
            },
            cancellation);
        return JobCodec.FromProto(reply);
    }

    /// <summary>
    /// Submits a job and yields what happens, the outcome last: one sequence, whichever
    /// coordinators tell it, each epoch once. Cancellation only ends the watch.
    /// </summary>
    /// <param name="job">The job.</param>
    /// <param name="patience">How long an accepted job may be without a coordinator.</param>
    /// <param name="cancellation">Ends the watch.</param>
    /// <exception cref="OperatingException">No coordinator took the job, or none came back before
    /// the outcome.</exception>
    public async IAsyncEnumerable<RunEvent> RunAsync(
        Cluster.Jobs.JobDescription job, TimeSpan patience,
        [EnumeratorCancellation] CancellationToken cancellation)
    {
        var watch = new JobWatch(ProcessSeed.Draw(), job);
        long heard = Stopwatch.GetTimestamp();
        while (true)
        {
            string address = _directory.Current;
            using AsyncServerStreamingCall<JobEvent> call = watch.Open(
                _directory.Client(address).Invoker, cancellation);
            RpcException? failure;
            while (true)
            {
                (bool moved, failure) = await MoveNextAsync(call, cancellation);
                if (!moved)
                    break;
                heard = Stopwatch.GetTimestamp();
                RunEvent? happened = EventCodec.FromProto(call.ResponseStream.Current);
                if (happened is null || !watch.IsNew(happened))
                    continue;
                yield return happened;
                if (watch.IsEnded)
                    yield break;
            }

            if (failure is
                {
                    StatusCode: StatusCode.InvalidArgument or StatusCode.Unimplemented
                        or StatusCode.Unauthenticated or StatusCode.PermissionDenied
                })
                throw RpcErrors.Explain(failure, address, "run the job", TimeSpan.Zero);
            TimeSpan silence = Stopwatch.GetElapsedTime(heard);
            if (silence > (watch.IsAccepted ? patience : SubmitPatience))
                throw Lost(watch, address, silence, failure);
            _directory.Next(address, failure);
            await Task.Delay(RetryDelay, cancellation);
        }
    }

    /// <summary>
    /// Asks for an agreed stop with the state saved; false where the job is not known.
    /// </summary>
    /// <exception cref="OperatingException">No coordinator there acts.</exception>
    public async Task<bool> StopAsync(ulong job, string reason, CancellationToken cancellation)
    {
        Protocol.StopJobReply reply = await AskLeaderAsync(
            "stop the run", isPatient: true,
            async (client, options) => await client.StopJobAsync(
                new StopJobRequest { Job = job, Reason = reason }, options),
            cancellation);
        return reply.Found;
    }

    /// <summary>Gives the cluster an order; the reply says whether it was taken and what happens
    /// now, or what was expected.</summary>
    /// <exception cref="OperatingException">No coordinator there acts.</exception>
    public async Task<ClusterOrderReply> OrderAsync(
        ClusterOrder order, CancellationToken cancellation)
    {
        OrderClusterReply reply = await AskLeaderAsync(
            "order the cluster", isPatient: true,
            async (client, options) => await client.OrderClusterAsync(
                ClusterOrderCodec.ToProto(order), options),
            cancellation);
        return new ClusterOrderReply(reply.Taken, reply.Message);
    }

    public void Dispose() => _directory.Dispose();

    private static RpcException Standby(string leaderAddress) => new(
        new Status(StatusCode.FailedPrecondition, "this coordinator stands by"),
        new Metadata { { CoordinatorService.LeaderAddressKey, leaderAddress } });

    private static OperatingException Lost(
        JobWatch watch, string address, TimeSpan silence, RpcException? failure)
    {
        string why = failure is null
            ? $"the coordinator at {address} ends the stream before the run's outcome"
            : RpcErrors.Explain(failure, address, "run the job", TimeSpan.Zero).Message;
        return new OperatingException(watch.IsAccepted
            ? $"no coordinator has answered for {silence.TotalSeconds:0} s: {why}; the workers "
                + "may train on, and --resume goes on from the last checkpoint"
            : $"no coordinator took the job within {silence.TotalSeconds:0} s: {why}");
    }

    /// <summary>
    /// Asks one coordinator after the other until one acts. Where none listens there is none to
    /// wait for, unless the question is patient: a coordinator that died may be started again.
    /// Where one stands by, another is about to act.
    /// </summary>
    private async Task<T> AskLeaderAsync<T>(
        string what, bool isPatient,
        Func<Protocol.Coordinator.CoordinatorClient, CallOptions, Task<T>> ask,
        CancellationToken cancellation)
    {
        long started = Stopwatch.GetTimestamp();
        var unreachable = new HashSet<string>();
        while (true)
        {
            string address = _directory.Current;
            try
            {
                var options = new CallOptions(
                    deadline: RpcClient.DeadlineAfter(RpcClient.DefaultDeadline),
                    cancellationToken: cancellation);
                return await ask(
                    new Protocol.Coordinator.CoordinatorClient(_directory.Client(address).Invoker),
                    options);
            }
            catch (RpcException failure) when (!cancellation.IsCancellationRequested)
            {
                if (CoordinatorDirectory.LeaderIn(failure) is null)
                    unreachable.Add(address);
                else
                    unreachable.Clear();
                if ((!isPatient && addresses.All(unreachable.Contains))
                    || Stopwatch.GetElapsedTime(started) > RpcClient.DefaultDeadline)
                    throw RpcErrors.Explain(failure, address, what, RpcClient.DefaultDeadline);
                _directory.Next(address, failure);
            }
            catch (RpcException failure)
            {
                throw new OperationCanceledException(
                    $"cancelled while trying to {what}", failure, cancellation);
            }

            await Task.Delay(RetryDelay, cancellation);
        }
    }

    /// <summary>False, with what happened if anything did, where the stream has ended.</summary>
    private static async Task<(bool Moved, RpcException? Failure)> MoveNextAsync<T>(
        AsyncServerStreamingCall<T> call, CancellationToken cancellation)
    {
        try
        {
            return (await call.ResponseStream.MoveNext(cancellation), null);
        }
        catch (RpcException failure)
        {
            cancellation.ThrowIfCancellationRequested();
            return (false, failure);
        }
    }
}
