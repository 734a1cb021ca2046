using System.Text.Json;
using Distributed.Cluster.Jobs;
using Distributed.Cluster.Sweeps;
using Distributed.Kernel;
using Distributed.Runtime.Store;
using Grpc.Core;

namespace Distributed.Runtime.Protocol;

/// <summary>Sweeps' messages. Decisions travel as the store holds them.</summary>
internal static class SweepCodec
{
    public static SubmitSweepRequest ToProto(SweepSubmitted submission) => new()
    {
        Sweep = submission.Sweep,
        Description = StoreJson.Write(submission.Description),
    };

    /// <exception cref="RpcException">It holds no sweep.</exception>
    public static SweepSubmitted FromProto(SubmitSweepRequest request)
    {
        try
        {
            if (request.Sweep != 0)
            {
                return new SweepSubmitted(
                    request.Sweep, StoreJson.Read<SweepDescription>(request.Description));
            }
        }
        catch (JsonException unreadable)
        {
            throw new RpcException(new Status(
                StatusCode.InvalidArgument,
                $"the submission's description cannot be read ({unreadable.Message}): expected "
                + "that of a program of the same version"));
        }

        throw new RpcException(new Status(
            StatusCode.InvalidArgument,
            "a submission holds a sweep's description and the number that was drawn for it"));
    }

    public static SweepEvent ToProto(object message)
    {
        var happened = new SweepEvent();
        switch (message)
        {
            case SweepProgressed progressed:
                happened.Decisions.AddRange(progressed.Decisions.Select(StoreJson.Write));
                break;
            case TrialStepped stepped:
                happened.Progress = new TrialProgress
                {
                    Trial = stepped.Trial,
                    Step = EventCodec.ToProto(stepped.Step).Step,
                };
                break;
            default:
                throw new InvariantException($"no message carries {message.GetType().Name}");
        }

        return happened;
    }

    /// <summary>What the watcher is told, in its order.</summary>
    public static IEnumerable<object> FromProto(SweepEvent happened)
    {
        if (happened.Decisions.Count > 0)
        {
            yield return new SweepProgressed(
                [.. happened.Decisions.Select(StoreJson.Read<SweepDecision>)]);
        }

        if (happened.Progress is { } progress
            && EventCodec.FromProto(new JobEvent { Step = progress.Step }) is StepCommitted step)
            yield return new TrialStepped(progress.Trial, step);
    }

    public static OrderSweepRequest ToProto(SweepOrder order)
    {
        var request = new OrderSweepRequest { Sweep = order.Sweep };
        switch (order)
        {
            case PauseSweep pause:
                request.Pause = pause.Reason;
                break;
            case ResumeSweep:
                request.Resume = true;
                break;
            case StopSweep stop:
                request.Stop = stop.Reason;
                break;
            case AddTrials add:
                request.AddTrials = add.Count;
                break;
            case RetryTrial retry:
                request.RetryTrial = retry.Trial;
                break;
            default:
                throw new InvariantException($"no message carries {order.GetType().Name}");
        }

        return request;
    }

    /// <exception cref="RpcException">It holds no order that this version knows.</exception>
    public static SweepOrder FromProto(OrderSweepRequest request) => request.OrderCase switch
    {
        OrderSweepRequest.OrderOneofCase.Pause => new PauseSweep(request.Sweep, request.Pause),
        OrderSweepRequest.OrderOneofCase.Resume => new ResumeSweep(request.Sweep),
        OrderSweepRequest.OrderOneofCase.Stop => new StopSweep(request.Sweep, request.Stop),
        OrderSweepRequest.OrderOneofCase.AddTrials =>
            new AddTrials(request.Sweep, request.AddTrials),
        OrderSweepRequest.OrderOneofCase.RetryTrial =>
            new RetryTrial(request.Sweep, request.RetryTrial),
        _ => throw new RpcException(new Status(
            StatusCode.InvalidArgument,
            "an order says what is wanted: pause, resume, stop, add_trials or retry_trial")),
    };
}
