using Distributed.Kernel;

namespace Distributed.Runtime.Actors;

/// <summary>Stands as the sender of a question from outside the actor system.</summary>
internal sealed class AnswerRef(IActorRef deadLetters) : IActorRef
{
    private readonly TaskCompletionSource<object> answer =
        new(TaskCreationOptions.RunContinuationsAsynchronously);

    public string Path => "/outside";

    public Task<object> Task => answer.Task;

    /// <summary>From now on an answer is a dead letter.</summary>
    public void Close() => answer.TrySetCanceled();

    public void Tell(object message, IActorRef? sender = null)
    {
        if (!answer.TrySetResult(message))
        {
            deadLetters.Tell(message, sender);
        }
    }
}
