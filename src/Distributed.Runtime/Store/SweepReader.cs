using Distributed.Cluster.Sweeps;
using Distributed.Kernel;

namespace Distributed.Runtime.Store;

/// <summary>Reads sweeps out of a store, whether a coordinator uses it or not.</summary>
public static class SweepReader
{
    /// <summary>The sweep as far as it was decided; null where the store has none of that
    /// number.</summary>
    /// <param name="location">A file, or a PostgreSQL database; it is not changed.</param>
    /// <param name="sweep">The sweep's number.</param>
    /// <exception cref="OperatingException">It is no store of this version, or cannot be
    /// reached.</exception>
    public static SweepState? Read(string location, ulong sweep)
    {
        IStoreDialect dialect = StoreLocation.Dialect(location);
        try
        {
            using StoreConnection database = dialect.Open(create: false);
            IReadOnlyList<SweepDecision> decisions = new SweepTables(database).Decisions(sweep);
            return decisions.Count == 0 ? null : SweepState.Of(decisions);
        }
        catch (Exception failure) when (
            failure is System.Data.Common.DbException or IOException or InvalidDataException)
        {
            throw new OperatingException(dialect.Explain(failure), inner: failure);
        }
    }
}
