using System.Diagnostics;
using System.Runtime.CompilerServices;
using Distributed.Cluster.Sweeps;
using Distributed.Kernel;
using Distributed.Runtime.Protocol;
using Distributed.Runtime.Rpc;
using Grpc.Core;

namespace Distributed.Runtime.Coordination;

/// <summary>What a command asks of sweeps.</summary>
public sealed partial class CoordinatorClient
{
    /// <summary>
    /// Submits a sweep and yields its decisions, each once and in their order, whichever
    /// coordinators tell them; between them how far trials have come. Goes on after the sweep's
    /// end, until it is cancelled.
    /// </summary>
    /// <param name="submission">The sweep.</param>
    /// <param name="patience">How long a sweep may be without a coordinator.</param>
    /// <param name="cancellation">Ends the watch, not the sweep.</param>
    /// <exception cref="OperatingException">No coordinator took the sweep, or none came
    /// back.</exception>
    public IAsyncEnumerable<object> RunSweepAsync(
        SweepSubmitted submission, TimeSpan patience, CancellationToken cancellation) =>
        WatchSweepAsync(submission.Sweep, submission, patience, cancellation);

    /// <summary>As <see cref="RunSweepAsync"/>, of a sweep that was submitted before.</summary>
    public IAsyncEnumerable<object> WatchSweepAsync(
        ulong sweep, TimeSpan patience, CancellationToken cancellation) =>
        WatchSweepAsync(sweep, submission: null, patience, cancellation);

    /// <summary>Returns why the order was not taken; empty where it was, and is
    /// durable.</summary>
    /// <exception cref="OperatingException">No coordinator there acts.</exception>
    public async Task<string> OrderSweepAsync(SweepOrder order, CancellationToken cancellation)
    {
        OrderSweepReply reply = await AskLeaderAsync(
            "order the sweep", isPatient: true,
            async (client, options) => await client.OrderSweepAsync(
                SweepCodec.ToProto(order), options),
            cancellation);
        return reply.Taken ? "" : reply.Message;
    }

    private async IAsyncEnumerable<object> WatchSweepAsync(
        ulong sweep, SweepSubmitted? submission, TimeSpan patience,
        [EnumeratorCancellation] CancellationToken cancellation)
    {
        long seen = 0;
        long heard = Stopwatch.GetTimestamp();
        while (true)
        {
            string address = _directory.Current;
            var client = new Protocol.Coordinator.CoordinatorClient(
                _directory.Client(address).Invoker);
            using AsyncServerStreamingCall<SweepEvent> call =
                seen == 0 && submission is not null
                    ? client.SubmitSweep(
                        SweepCodec.ToProto(submission), cancellationToken: cancellation)
                    : client.WatchSweep(
                        new WatchSweepRequest { Sweep = sweep, Since = seen },
                        cancellationToken: cancellation);
            RpcException? failure;
            while (true)
            {
                (bool moved, failure) = await MoveNextAsync(call, cancellation);
                if (!moved)
                    break;
                heard = Stopwatch.GetTimestamp();
                foreach (object told in SweepCodec.FromProto(call.ResponseStream.Current))
                {
                    object? news = told is SweepProgressed progressed
                        ? News(progressed, ref seen)
                        : told;
                    if (news is not null)
                        yield return news;
                }
            }

            if (failure is
                {
                    StatusCode: StatusCode.InvalidArgument or StatusCode.Unimplemented
                    or StatusCode.NotFound or StatusCode.Unauthenticated
                })
                throw RpcErrors.Explain(failure, address, "run the sweep", TimeSpan.Zero);
            TimeSpan silence = Stopwatch.GetElapsedTime(heard);
            if (silence > (seen > 0 ? patience : SubmitPatience))
                throw LostSweep(sweep, seen > 0, address, silence, failure);
            _directory.Next(address, failure);
            await Task.Delay(RetryDelay, cancellation);
        }
    }

    /// <summary>Those of the decisions that were not seen; null where there are
    /// none.</summary>
    private static SweepProgressed? News(SweepProgressed progressed, ref long seen)
    {
        long known = seen;
        List<SweepDecision> news =
            [.. progressed.Decisions.Where(decision => decision.Sequence >= known)];
        if (news.Count == 0)
            return null;
        Invariant.Check(news[0].Sequence == seen, "a sweep's decisions are told without a gap");
        seen += news.Count;
        return new SweepProgressed(news);
    }

    private static OperatingException LostSweep(
        ulong sweep, bool isAccepted, string address, TimeSpan silence, RpcException? failure)
    {
        string why = failure is null
            ? $"the coordinator at {address} ends the stream"
            : RpcErrors.Explain(failure, address, "run the sweep", TimeSpan.Zero).Message;
        return new OperatingException(isAccepted
            ? $"no coordinator has told of the sweep {sweep:x16} for "
                + $"{silence.TotalSeconds:0} s: {why}; --resume goes on with it"
            : $"no coordinator took the sweep within {silence.TotalSeconds:0} s: {why}");
    }
}
