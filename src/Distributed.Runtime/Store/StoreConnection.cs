using System.Data;
using System.Data.Common;
using System.Text.Json;

namespace Distributed.Runtime.Store;

/// <summary>A connection to a database, used by one thread at a time.</summary>
internal sealed class StoreConnection(DbConnection connection, IsolationLevel isolation)
    : IDisposable
{
    /// <summary>Runs the body as one transaction: all of it takes effect, or none.</summary>
    public T Transact<T>(Func<T> body)
    {
        using DbTransaction transaction = connection.BeginTransaction(isolation);
        T result = body();
        transaction.Commit();
        return result;
    }

    /// <summary>Returns the number of rows that the statement changed.</summary>
    public int Execute(string sql, params (string Name, object? Value)[] parameters)
    {
        using DbCommand command = Command(sql, parameters);
        return command.ExecuteNonQuery();
    }

    /// <summary>Returns all rows, in the statement's order.</summary>
    /// <exception cref="InvalidDataException">A row does not hold what was written.</exception>
    public List<T> Query<T>(
        string sql, Func<DbDataReader, T> read, params (string Name, object? Value)[] parameters)
    {
        using DbCommand command = Command(sql, parameters);
        using DbDataReader reader = command.ExecuteReader();
        var rows = new List<T>();
        while (reader.Read())
        {
            try
            {
                rows.Add(read(reader));
            }
            catch (Exception unreadable) when (
                unreadable is JsonException or InvalidOperationException or InvalidCastException
                    or OverflowException)
            {
                throw new InvalidDataException(
                    $"a row cannot be read: {unreadable.Message}", unreadable);
            }
        }

        return rows;
    }

    public void Dispose() => connection.Dispose();

    private DbCommand Command(string sql, (string Name, object? Value)[] parameters)
    {
        DbCommand command = connection.CreateCommand();
        command.CommandText = sql;
        foreach ((string name, object? value) in parameters)
        {
            DbParameter parameter = command.CreateParameter();
            parameter.ParameterName = name;
            parameter.Value = value ?? DBNull.Value;
            command.Parameters.Add(parameter);
        }

        return command;
    }
}
