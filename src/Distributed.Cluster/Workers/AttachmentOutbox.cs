using Distributed.Cluster.Coordination;

namespace Distributed.Cluster.Workers;

/// <summary>
/// What a run shows, on its way to the coordinator: one at a time, so that heartbeats and reports
/// wait behind one of them at most, and no more than a bounded number of bytes. What finds no room
/// or no coordinator is dropped.
/// </summary>
/// <param name="send">False where there is nobody to send to.</param>
internal sealed class AttachmentOutbox(Func<WorkerMessage, bool> send)
{
    /// <summary>About two runs' ends, which are when most comes at once.</summary>
    public const int WaitingBytesMax = 4 << 20;

    private readonly Queue<AttachmentSent> waiting = [];
    private long waitingBytes;
    private bool isOneOnItsWay;

    /// <summary>Whether all that was added has left or was dropped.</summary>
    public bool IsEmpty => !isOneOnItsWay && waiting.Count == 0;

    public long Dropped { get; private set; }

    /// <summary>False where there is no room, or nobody to send to.</summary>
    public bool Add(AttachmentSent attachment)
    {
        long droppedBefore = Dropped;
        int bytes = attachment.Attachment.Payload.Length;
        if (waitingBytes + bytes > WaitingBytesMax)
        {
            Dropped++;
            return false;
        }

        waiting.Enqueue(attachment);
        waitingBytes += bytes;
        SendNext();
        return Dropped == droppedBefore;
    }

    /// <summary>The one on its way has left.</summary>
    public void OnLeft()
    {
        isOneOnItsWay = false;
        SendNext();
    }

    /// <summary>There is no way any more.</summary>
    public void Clear()
    {
        Dropped += waiting.Count + (isOneOnItsWay ? 1 : 0);
        waiting.Clear();
        waitingBytes = 0;
        isOneOnItsWay = false;
    }

    private void SendNext()
    {
        while (!isOneOnItsWay && waiting.TryDequeue(out AttachmentSent? next))
        {
            waitingBytes -= next.Attachment.Payload.Length;
            isOneOnItsWay = send(next);
            Dropped += isOneOnItsWay ? 0 : 1;
        }
    }
}
