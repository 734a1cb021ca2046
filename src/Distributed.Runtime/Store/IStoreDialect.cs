using Distributed.Kernel;

namespace Distributed.Runtime.Store;

/// <summary>All that sets a store in one SQL database apart from one in another.</summary>
internal interface IStoreDialect
{
    /// <summary>What the store is called in messages. Holds no password.</summary>
    string Name { get; }

    /// <summary>Ends a SELECT whose row nobody else may change before the transaction
    /// ends.</summary>
    string LockClause { get; }

    /// <summary>
    /// Opens a connection for short transactions, which wait for others for a second at most: a
    /// lease is not kept by waiting.
    /// </summary>
    /// <param name="create">To bring the schema up to date: a new store is made, and others that do
    /// the same are waited for until they have disposed of their connection.</param>
    /// <exception cref="Exception">It cannot be opened; <see cref="Explain"/> tells why.
    /// </exception>
    StoreConnection Open(bool create);

    /// <summary>One line: what failed, what was expected, what to do.</summary>
    /// <param name="failure">What a connection threw; the message of an
    /// <see cref="OperatingException"/> is taken as it is.</param>
    string Explain(Exception failure);
}
