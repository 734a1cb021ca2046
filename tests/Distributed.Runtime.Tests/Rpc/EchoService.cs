using Distributed.Kernel;
using Distributed.Runtime.Tests.Rpc.Protocol;
using Grpc.Core;

namespace Distributed.Runtime.Tests.Rpc;

/// <summary>Every kind of call, every way to fail. rpc_peer.py serves the same.</summary>
internal sealed class EchoService : Echo.EchoBase
{
    public override async Task<EchoText> Unary(EchoText request, ServerCallContext context)
    {
        switch (request.Text)
        {
            case "fail":
                throw new RpcException(
                    new Status(StatusCode.ResourceExhausted, "no room for more: 3 of 3 taken"));
            case "operating":
                throw new OperatingException("the run folder exists: expected none");
            case "slow":
                await Task.Delay(Timeout.Infinite, context.CancellationToken);
                break;
        }

        return new EchoText { Text = request.Text };
    }

    public override async Task<EchoText> Collect(
        IAsyncStreamReader<EchoText> requestStream, ServerCallContext context)
    {
        var texts = new List<string>();
        await foreach (var request in requestStream.ReadAllAsync())
            texts.Add(request.Text);
        return new EchoText { Text = string.Join(',', texts) };
    }

    public override async Task Repeat(
        EchoText request, IServerStreamWriter<EchoText> responseStream, ServerCallContext context)
    {
        for (var time = 1; time <= 3; time++)
            await responseStream.WriteAsync(new EchoText { Text = request.Text + time });
    }

    public override async Task Talk(
        IAsyncStreamReader<EchoText> requestStream,
        IServerStreamWriter<EchoText> responseStream,
        ServerCallContext context)
    {
        await foreach (var request in requestStream.ReadAllAsync())
            await responseStream.WriteAsync(new EchoText { Text = "re:" + request.Text });
    }
}
