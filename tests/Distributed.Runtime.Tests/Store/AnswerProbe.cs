using System.Threading.Channels;
using Distributed.Kernel;

namespace Distributed.Runtime.Tests.Store;

/// <summary>Stands as the actor that is answered.</summary>
internal sealed class AnswerProbe : IActorRef
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private readonly Channel<object> _answers = Channel.CreateUnbounded<object>();

    public string Path => "/test/probe";

    public void Tell(object message, IActorRef? sender = null) =>
        Assert.True(_answers.Writer.TryWrite(message));

    /// <summary>The next answer, in the order in which they came.</summary>
    public async Task<object> NextAsync() =>
        await _answers.Reader.ReadAsync().AsTask().WaitAsync(Patience);

    public async Task<T> NextAsync<T>() => Assert.IsType<T>(await NextAsync());
}
