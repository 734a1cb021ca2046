namespace Distributed.Kernel;

/// <summary>
/// Events within one system, by type. Subscribers are told in the order in which they subscribed.
/// To be used on the logical thread only.
/// </summary>
public sealed class EventStream
{
    private readonly List<(Type EventType, IActorRef Subscriber)> subscriptions = [];

    /// <summary>Gets events of that type and of types derived from it. Twice is once.</summary>
    public void Subscribe(IActorRef subscriber, Type eventType)
    {
        ArgumentNullException.ThrowIfNull(subscriber);
        ArgumentNullException.ThrowIfNull(eventType);
        if (!subscriptions.Contains((eventType, subscriber)))
        {
            subscriptions.Add((eventType, subscriber));
        }
    }

    public void Unsubscribe(IActorRef subscriber, Type eventType) =>
        subscriptions.Remove((eventType, subscriber));

    public void Unsubscribe(IActorRef subscriber) =>
        subscriptions.RemoveAll(subscription => subscription.Subscriber.Equals(subscriber));

    public void Publish(object @event)
    {
        ArgumentNullException.ThrowIfNull(@event);
        for (var index = 0; index < subscriptions.Count; index++)
        {
            var (eventType, subscriber) = subscriptions[index];
            if (eventType.IsInstanceOfType(@event) && !IsToldBefore(index, @event))
            {
                subscriber.Tell(@event);
            }
        }
    }

    internal bool HasSubscriber(Type eventType)
    {
        foreach (var subscription in subscriptions)
        {
            if (subscription.EventType.IsAssignableFrom(eventType))
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>Whoever subscribed to a type and to its base gets the event once.</summary>
    private bool IsToldBefore(int index, object @event)
    {
        var subscriber = subscriptions[index].Subscriber;
        for (var earlier = 0; earlier < index; earlier++)
        {
            if (subscriptions[earlier].Subscriber.Equals(subscriber)
                && subscriptions[earlier].EventType.IsInstanceOfType(@event))
            {
                return true;
            }
        }
        return false;
    }
}
