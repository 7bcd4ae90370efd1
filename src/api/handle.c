/*
 * handle.c - entering and leaving a public call
 */
#include "api/db.h"

static blt_status judge_handle(const blt_db *db)
{
  if (db == NULL)
    return blt__fail_null("handle");
  if (db->file == NULL || db->image.view.n_windows == 0)
    return blt__fail(&db->sink, BLT_E_INVALID, BLT_NO_OFFSET,
                     "the handle is not open; blt_reopen failed before");
  if (blt__is_forked(db))
    return blt__fail(&db->sink, BLT_E_FORKED, BLT_NO_OFFSET,
                     "the handle was opened for writing before a fork; open "
                     "the file again in the child");
  return BLT_OK;
}

blt_status blt__enter_read_slowly(blt_db *db)
{
  blt_status status = judge_handle(db);

  if (status == BLT_OK)
    blt__turns_read(&db->turns);
  return status;
}

blt_status blt__enter_alone(blt_db *db)
{
  blt_status status = judge_handle(db);

  if (status == BLT_OK)
    blt__turns_write(&db->turns);
  return status;
}

blt_status blt__enter_write(blt_db *db)
{
  blt_status status = judge_handle(db);

  if (status < 0)
    return status;
  if ((status = blt__view_judge(&db->image.view, BLT_OK)) < 0)
    return status;
  if (!db->writable)
    return blt__fail(&db->sink, BLT_E_READ_ONLY, BLT_NO_OFFSET,
                     "the file is open for reading only");
  blt__turns_write(&db->turns);
  if (!db->log.poisoned)
    return BLT_OK;
  blt__turns_end(&db->turns);
  return blt__fail(&db->sink, BLT_E_POISONED, BLT_NO_OFFSET,
                   "an earlier write failed; close the handle and open the "
                   "file again, which recovers it");
}

blt_status blt__leave_slowly(blt_db *db, blt_status status)
{
  blt__turns_end(&db->turns);
  return blt__view_judge(&db->image.view, status);
}

BLT_API const blt_error *blt_last_error(const blt_db *db)
{
  return blt__fail_last(db);
}
