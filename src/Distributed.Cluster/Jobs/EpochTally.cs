using Distributed.Kernel;

namespace Distributed.Cluster.Jobs;

/// <summary>
/// Puts an epoch's evaluation together from the ranks' shares. Batches are added in their own
/// order, so the result does not depend on which rank evaluated which.
/// </summary>
internal sealed class EpochTally(int epoch, int rankCount, int testBatchCount)
{
    private readonly TestBatchResult?[] batches = new TestBatchResult?[testBatchCount];
    private readonly SortedSet<int> ranks = [];

    public int Epoch => epoch;

    public bool IsComplete => ranks.Count == rankCount;

    public void Add(int rank, EpochShare share)
    {
        Invariant.Check(share.Epoch == epoch, "a share belongs to the epoch that is being tallied");
        Invariant.Check(ranks.Add(rank), "a rank reports its share once");
        foreach (TestBatchResult batch in share.TestBatches)
        {
            Invariant.Check(batches[batch.Batch] is null, "a test batch is evaluated once");
            batches[batch.Batch] = batch;
        }
    }

    public (double Loss, double Accuracy) Total()
    {
        double loss = 0;
        long correct = 0;
        long samples = 0;
        foreach (TestBatchResult? batch in batches)
        {
            Invariant.Check(batch is not null, "every test batch is evaluated");
            loss += batch.Value.LossSum;
            correct += batch.Value.Correct;
            samples += batch.Value.Samples;
        }

        return samples == 0
            ? (double.NaN, double.NaN)
            : (loss / samples, (double)correct / samples);
    }
}
