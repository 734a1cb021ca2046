using System.Runtime.CompilerServices;
using Distributed.Kernel;
using Distributed.Runtime.Protocol;
using Distributed.Runtime.Rpc;
using Distributed.Runtime.Security;
using Grpc.Core;

namespace Distributed.Runtime.Pbm;

/// <summary>A connection to a node's inspection. One call at a time, or several.</summary>
public sealed class PbmClient(string address, RpcSecurity security) : IDisposable
{
    private static readonly TimeSpan DescribeDeadline = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan CompleteDeadline = TimeSpan.FromSeconds(1);

    /// <summary>More than the server itself takes to give up.</summary>
    private static readonly TimeSpan RunDeadline = TimeSpan.FromSeconds(15);

    private readonly RpcClient _client = new(address, security);

    /// <summary>host:port.</summary>
    public string Address => _client.Address;

    /// <summary>What the node can be asked.</summary>
    /// <exception cref="OperatingException">Nothing listens there, or no such node.</exception>
    public async Task<PbmDescription> DescribeAsync(CancellationToken cancellation)
    {
        DescribePbmReply reply = await _client.AskAsync(
            "inspect the cluster",
            (invoker, options) =>
                new Protocol.Pbm.PbmClient(invoker).DescribeAsync(new(), options),
            DescribeDeadline, cancellation);
        return new PbmDescription(
            reply.Version, [.. reply.Palettes.Select(PbmDescriptions.FromProto)]);
    }

    /// <summary>What a parameter could be now; nothing where that cannot be told.</summary>
    public async Task<IReadOnlyList<string>> CompleteAsync(
        string palette, string command, string parameter, CancellationToken cancellation)
    {
        try
        {
            CompletePbmReply reply = await _client.AskAsync(
                "complete the word",
                (invoker, options) => new Protocol.Pbm.PbmClient(invoker).CompleteAsync(
                    new()
                    {
                        Palette = palette,
                        Command = command,
                        Parameter = parameter,
                    },
                    options),
                CompleteDeadline, cancellation);
            return [.. reply.Values];
        }
        catch (OperatingException)
        {
            // Whoever types on will be told at the next command.
            return [];
        }
    }

    /// <summary>
    /// Runs a command; its end comes last. Cancelling ends one that streams.
    /// </summary>
    /// <exception cref="OperatingException">The connection broke.</exception>
    public async IAsyncEnumerable<PbmAnswer> RunAsync(
        PbmQuestion question, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var request = new RunPbmRequest
        {
            Palette = question.Palette,
            Command = question.Command,
            Json = question.IsJson,
            Width = question.Width,
            Plan = question.IsPlan,
        };
        request.Values.Add(
            question.Values.ToDictionary(value => value.Key, value => value.Value));
        var options = new CallOptions(
            deadline: question.Streams ? null : RpcClient.DeadlineAfter(RunDeadline),
            cancellationToken: cancellation);
        using AsyncServerStreamingCall<PbmItem> call =
            new Protocol.Pbm.PbmClient(_client.Invoker).Run(request, options);
        while (await NextAsync(call, cancellation) is { } item)
        {
            if (PbmDescriptions.FromProto(item) is not { } answer)
                continue;
            yield return answer;
            if (answer is PbmEnded)
                yield break;
        }

        throw Lost("it ended without a word");
    }

    public void Dispose() => _client.Dispose();

    private async Task<PbmItem?> NextAsync(
        AsyncServerStreamingCall<PbmItem> call, CancellationToken cancellation)
    {
        try
        {
            return await call.ResponseStream.MoveNext(cancellation)
                ? call.ResponseStream.Current
                : null;
        }
        catch (RpcException failure) when (cancellation.IsCancellationRequested)
        {
            throw new OperationCanceledException("cancelled", failure, cancellation);
        }
        catch (RpcException failure) when (failure.StatusCode == StatusCode.Unavailable)
        {
            throw Lost(RpcErrors.Detail(failure));
        }
        catch (RpcException failure)
        {
            throw RpcErrors.Explain(failure, Address, "run the command", RunDeadline);
        }
    }

    private PbmConnectionLost Lost(string reason) =>
        new($"connection to host terminated. ({Address}: {reason})");
}

/// <summary>The node, or the way to it, is gone.</summary>
public sealed class PbmConnectionLost(string message) : OperatingException(message);
