using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;
using Distributed.Cluster.Workers;

namespace Distributed.Cluster.Tests.Jobs;

public sealed class AttachmentOutboxTests
{
    private readonly List<WorkerMessage> sent = [];
    private readonly AttachmentOutbox outbox;
    private bool hasCoordinator = true;

    public AttachmentOutboxTests() => outbox = new AttachmentOutbox(message =>
    {
        if (hasCoordinator)
            sent.Add(message);
        return hasCoordinator;
    });

    [Fact]
    public void BehindASlowStreamABoundedNumberOfBytesWaitsAndTheRestIsDropped()
    {
        const int bytes = AttachmentOutbox.WaitingBytesMax / 4;
        for (int number = 0; number < 8; number++)
            outbox.Add(Attachment(number, bytes));

        // One is on its way and four wait.
        Assert.Single(sent);
        Assert.Equal(3, outbox.Dropped);
        for (int number = 0; number < 5; number++)
        {
            Assert.False(outbox.IsEmpty);
            outbox.OnLeft();
        }

        Assert.True(outbox.IsEmpty);
        Assert.Equal(
            [0L, 1, 2, 3, 4],
            sent.Cast<AttachmentSent>().Select(message => message.Attachment.Step));
        // There is room again.
        outbox.Add(Attachment(9, AttachmentOutbox.WaitingBytesMax));
        Assert.Equal(6, sent.Count);
    }

    [Fact]
    public void WithoutAStreamNothingWaits()
    {
        hasCoordinator = false;
        outbox.Add(Attachment(1, 10));
        Assert.True(outbox.IsEmpty);
        hasCoordinator = true;
        outbox.Add(Attachment(2, 10));
        outbox.Add(Attachment(3, 10));
        outbox.Clear();
        Assert.True(outbox.IsEmpty);
        Assert.Equal(3, outbox.Dropped);
    }

    private static AttachmentSent Attachment(int step, int bytes) => new(
        1, 1, new RunAttachment(step, AttachmentKind.Summary, "", new byte[bytes]));
}
