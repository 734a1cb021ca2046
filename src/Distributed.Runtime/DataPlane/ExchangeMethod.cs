using Distributed.Collectives.Transport;
using Distributed.Runtime.Protocol;
using Google.Protobuf;
using Grpc.Core;

namespace Distributed.Runtime.DataPlane;

/// <summary>
/// DataPlane.Exchange as both sides call it, with marshallers that hand payloads through. The
/// generated method stays for ordinary peers; on the wire the two are the same.
/// </summary>
internal static class ExchangeMethod
{
    private static readonly Marshaller<ExchangeReply> ReplyMarshaller = Marshallers.Create(
        reply => reply.ToByteArray(), ExchangeReply.Parser.ParseFrom);

    internal static readonly Method<PeerSender, ExchangeReply> Outbound = Create(
        new Marshaller<PeerSender>(
            (sender, context) => sender.WriteCurrent(context),
            _ => throw new NotSupportedException("a sender is never read")));

    internal static readonly Method<PeerInbox, ExchangeReply> Inbound = Create(
        new Marshaller<PeerInbox>(
            (_, _) => throw new NotSupportedException("an inbox is never written"),
            context => PeerInbox.OfThisCall.Deliver(context.PayloadAsReadOnlySequence())));

    private static Method<TFrames, ExchangeReply> Create<TFrames>(Marshaller<TFrames> frames) =>
        new(
            MethodType.ClientStreaming,
            Protocol.DataPlane.Descriptor.FullName,
            "Exchange",
            frames,
            ReplyMarshaller);
}
