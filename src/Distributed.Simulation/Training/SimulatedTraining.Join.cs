using Distributed.Cluster.Jobs;
using Distributed.Cluster.Workers;
using Distributed.Kernel;

namespace Distributed.Simulation.Training;

/// <summary>Taking a place in a generation, with the state of its start.</summary>
internal partial class SimulatedTraining
{
    private readonly List<DataConnection> offered = [];

    public string Address => address;

    public void Join(FormGeneration order)
    {
        Leave("a newer generation came");
        Generation generation = order.Generation;
        world.Checker.Expect(
            generation.Number >= heard, "contract",
            $"{life.Machine.Name} joins generation {generation.Number} after {heard}");
        heard = Math.Max(heard, generation.Number);
        RefuseOlder();
        call = Call.Join;
        Place = new Membership(generation, order.Rank);
        for (int rank = 0; rank < Place.RankCount && Place is not null; rank++)
        {
            if (rank != order.Rank)
                Connect(rank);
        }

        if (Place is not null && State.Step != generation.Start.Step)
            BeginCopy(generation);
        if (Place is not null)
            JoinIfReady();
    }

    /// <summary>A peer has taken its place first.</summary>
    public void OnOffered(DataConnection connection)
    {
        if (connection.Job == Job && connection.Generation >= heard)
            offered.Add(connection);
        else
            connection.Close(this, "an older generation is refused");
    }

    public void OnClosed(DataConnection connection)
    {
        if (Place is null || connection.Generation != Place.Number || connection.Job != Job)
            return;
        if (connection == Place.Copy)
        {
            FailByPeer(SourceRank(), "the connection to copy the state broke");
            return;
        }

        int rank = Place.RankOf(connection);
        if (rank < 0)
            return;
        if (call == Call.None || commitIsDue)
            Place.LostRank = rank;
        else
            FailByPeer(rank, $"the connection with rank {rank} broke");
    }

    public void OnFrame(DataConnection connection, Frame frame)
    {
        if (frame is CopyRequest request)
            Serve(connection, request);
        else
            OnFrame(frame);
    }

    private void OnFrame(Frame frame)
    {
        if (Place is null || frame.Job != Job || !IsOfGeneration(frame))
            return;
        switch (frame)
        {
            case Hello hello:
                Place.Greet(hello.Rank);
                JoinIfReady();
                break;
            case Contribution contribution:
                OnContribution(contribution);
                break;
            case EvaluationShare share:
                OnShare(share);
                break;
            case CopyAnswer answer when call == Call.Join:
                OnCopied(answer);
                break;
        }
    }

    /// <summary>Frames of other generations are refused.</summary>
    protected virtual bool IsOfGeneration(Frame frame) => frame.Generation == Place!.Number;

    /// <summary>Whether the state has to be copied to begin there.</summary>
    protected virtual bool NeedsCopy(StartPoint start) => State.Step != start.Step;

    protected virtual ModelState Copied(CopyAnswer answer) =>
        ModelState.Of(answer.Step, answer.Values!, answer.IsVoid);

    private void Connect(int rank)
    {
        string peerAddress = Place!.Generation.Ranks[rank].Worker.DataAddress;
        if (world.DataPlane.Find(peerAddress) is not { } peer)
        {
            FailLater(rank, $"nobody is at {peerAddress}");
            return;
        }

        DataConnection connection = world.DataPlane.Join(this, peer, Job, Place.Number);
        Place.Connections[rank] = connection;
        offered.Remove(connection);
        connection.Accept(this);
        connection.Send(this, new Hello(Job, Place.Number, Place.Rank));
    }

    private void BeginCopy(Generation generation)
    {
        if (!NeedsCopy(generation.Start))
            return;
        if (world.DataPlane.Find(generation.Start.SourceAddress) is not { } source
            || source == this)
        {
            FailLater(
                SourceRank(),
                $"nobody at {generation.Start.SourceAddress} has the state to copy");
            return;
        }

        Place!.Copy = world.DataPlane.OpenCopy(this, source, Job, generation.Number);
        Place.Copy.Send(this, new CopyRequest(Job, generation.Number, generation.Start.Step));
    }

    private void Serve(DataConnection connection, CopyRequest request)
    {
        if (request.Job != Job || request.Step != State.Step)
            connection.Send(this, new CopyAnswer(
                request.Job, request.Generation, 0, Values: null, IsVoid: false));
        else
            world.Scheduler.Post(Times.CopyNs(), life, this, new ServeEnds(connection, request));
    }

    /// <summary>The state is served until the next step is committed.</summary>
    private void OnServed(ServeEnds ends)
    {
        CopyRequest request = ends.Request;
        bool has = request.Job == Job && request.Step == State.Step;
        ends.Connection.Send(this, new CopyAnswer(
            request.Job, request.Generation, request.Step, has ? State.Values : null,
            State.IsVoid));
    }

    private void OnCopied(CopyAnswer answer)
    {
        if (answer.Values is null)
        {
            FailByPeer(SourceRank(), "the source does not hold the state of the start");
            return;
        }

        State = Copied(answer);
        DataConnection? copy = Place!.Copy;
        Place.Copy = null;
        copy?.Close(this, "copied");
        JoinIfReady();
    }

    private void JoinIfReady()
    {
        if (call != Call.Join || !Place!.AllGreeted || Place.Copy is not null)
            return;
        call = Call.None;
        Place.IsJoined = true;
        world.Checker.OnJoined(this, seed, Place.Generation);
        Tell(new TrainingJoined(Job, Place.Number, Place.Generation.Start.Step));
    }

    /// <summary>What this process will never take its place in is refused to its peers.</summary>
    private void RefuseOlder()
    {
        for (int index = offered.Count - 1; index >= 0; index--)
        {
            DataConnection connection = offered[index];
            if (connection.Job == Job && connection.Generation >= heard)
                continue;
            offered.RemoveAt(index);
            connection.Close(this, "an older generation is refused");
        }
    }

    private void FailLater(int rank, string message) => world.Scheduler.Post(
        world.Network.LatencyNs(life, life), life, this,
        new PeerMissing(operation, new WorkFailure(
            Blame.Peer, ExitCodes.OperatingError, rank, message)));

    private int SourceRank()
    {
        for (int rank = 0; rank < Place!.RankCount; rank++)
        {
            RankAssignment assignment = Place.Generation.Ranks[rank];
            if (assignment.Worker.DataAddress == Place.Generation.Start.SourceAddress)
                return rank;
        }

        return -1;
    }

    private sealed record ServeEnds(DataConnection Connection, CopyRequest Request);
}
